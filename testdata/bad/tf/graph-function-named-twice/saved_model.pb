:86
4

__inference__traced_save_1
ySaveV2

serve