


xConst