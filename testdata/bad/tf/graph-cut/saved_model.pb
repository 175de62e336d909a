


xCons