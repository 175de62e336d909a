


xConst