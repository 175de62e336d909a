éæ

xPlaceholder

save/SaveV2SaveV2

save/RestoreV2	RestoreV2

callStatefulPartitionedCallü
=

__inference_serve_7
MatMulMatMul
BiasAddBiasAdd


__inference__traced_save_45"
ShardedFilenameShardedFilename
SaveV2SaveV2(
MergeV2CheckpointsMergeV2Checkpoints
:
 
__inference__traced_restore_57
	RestoreV2	RestoreV2