”‘

xPlaceholder

save/SaveV2SaveV2

save/RestoreV2	RestoreV2

callStatefulPartitionedCall(
&
MatMulMatMul
BiasAddBiasAdd