/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages of ONNX. */
#include "format/onnx_schema.h"

#define ONE(name, number, kind) { #name, number, ONNX_##kind, false, N_ONNX_TYPES }
#define ANY(name, number, kind) { #name, number, ONNX_##kind, true, N_ONNX_TYPES }
#define ONE_OF(name, number, type) { #name, number, ONNX_MESSAGE, false, ONNX_##type }
#define ANY_OF(name, number, type) { #name, number, ONNX_MESSAGE, true, ONNX_##type }

static const struct onnx_field model_fields[] = {
	ONE(ir_version, 1, INT), ONE(producer_name, 2, TEXT), ONE(producer_version, 3, TEXT),
	ONE(domain, 4, TEXT), ONE(model_version, 5, INT), ONE(doc_string, 6, TEXT),
	ONE_OF(graph, 7, GRAPH), ANY_OF(opset_import, 8, OPSET),
	ANY_OF(metadata_props, 14, ENTRY), ANY_OF(training_info, 20, TRAINING_INFO),
	ANY_OF(functions, 25, FUNCTION), ANY_OF(configuration, 26, DEVICES),
};

static const struct onnx_field graph_fields[] = {
	ANY_OF(node, 1, NODE), ONE(name, 2, TEXT), ANY_OF(initializer, 5, TENSOR),
	ONE(doc_string, 10, TEXT), ANY_OF(input, 11, VALUE_INFO),
	ANY_OF(output, 12, VALUE_INFO), ANY_OF(value_info, 13, VALUE_INFO),
	ANY_OF(quantization_annotation, 14, ANNOTATION), ANY(sparse_initializer, 15, SPARSE),
	ANY_OF(metadata_props, 16, ENTRY),
};

static const struct onnx_field node_fields[] = {
	ANY(input, 1, TEXT), ANY(output, 2, TEXT), ONE(name, 3, TEXT), ONE(op_type, 4, TEXT),
	ANY_OF(attribute, 5, ATTRIBUTE), ONE(doc_string, 6, TEXT), ONE(domain, 7, TEXT),
	ONE(overload, 8, TEXT), ANY_OF(metadata_props, 9, ENTRY),
	ANY_OF(device_configurations, 10, NODE_DEVICES),
};

static const struct onnx_field attribute_fields[] = {
	ONE(name, 1, TEXT), ONE(f, 2, FIXED32), ONE(i, 3, INT), ONE(s, 4, BYTES),
	ONE_OF(t, 5, TENSOR), ONE_OF(g, 6, GRAPH), ANY(floats, 7, FIXED32), ANY(ints, 8, INT),
	ANY(strings, 9, BYTES), ANY_OF(tensors, 10, TENSOR), ANY_OF(graphs, 11, GRAPH),
	ONE(doc_string, 13, TEXT), ONE_OF(tp, 14, TYPE), ANY_OF(type_protos, 15, TYPE),
	ONE(type, 20, INT), ONE(ref_attr_name, 21, TEXT), ONE(sparse_tensor, 22, SPARSE),
	ANY(sparse_tensors, 23, SPARSE),
};

static const struct onnx_field tensor_fields[] = {
	ANY(dims, 1, INT), ONE(data_type, 2, INT), ANY(float_data, 4, FIXED32),
	ANY(int32_data, 5, INT), ANY(string_data, 6, BYTES), ANY(int64_data, 7, INT),
	ONE(name, 8, TEXT), ONE(raw_data, 9, BYTES), ANY(double_data, 10, FIXED64),
	ANY(uint64_data, 11, INT), ONE(doc_string, 12, TEXT), ANY_OF(external_data, 13, ENTRY),
	ONE(data_location, 14, INT), ANY_OF(metadata_props, 16, ENTRY),
};

static const struct onnx_field function_fields[] = {
	ONE(name, 1, TEXT), ANY(input, 4, TEXT), ANY(output, 5, TEXT), ANY(attribute, 6, TEXT),
	ANY_OF(node, 7, NODE), ONE(doc_string, 8, TEXT), ANY_OF(opset_import, 9, OPSET),
	ONE(domain, 10, TEXT), ANY_OF(attribute_proto, 11, ATTRIBUTE),
	ANY_OF(value_info, 12, VALUE_INFO), ONE(overload, 13, TEXT),
	ANY_OF(metadata_props, 14, ENTRY),
};

static const struct onnx_field training_info_fields[] = {
	ONE_OF(initialization, 1, GRAPH), ONE_OF(algorithm, 2, GRAPH),
	ANY_OF(initialization_binding, 3, ENTRY), ANY_OF(update_binding, 4, ENTRY),
};

static const struct onnx_field entry_fields[] = {
	ONE(key, 1, TEXT), ONE(value, 2, TEXT),
};

static const struct onnx_field opset_fields[] = {
	ONE(domain, 1, TEXT), ONE(version, 2, INT),
};

static const struct onnx_field value_info_fields[] = {
	ONE(name, 1, TEXT), ONE_OF(type, 2, TYPE), ONE(doc_string, 3, TEXT),
	ANY_OF(metadata_props, 4, ENTRY),
};

static const struct onnx_field annotation_fields[] = {
	ONE(tensor_name, 1, TEXT), ANY_OF(quant_parameter_tensor_names, 2, ENTRY),
};

static const struct onnx_field type_fields[] = {
	ONE_OF(tensor_type, 1, TYPE_TENSOR), ONE_OF(sequence_type, 4, TYPE_NESTED),
	ONE_OF(map_type, 5, TYPE_MAP), ONE(denotation, 6, TEXT),
	ONE_OF(opaque_type, 7, TYPE_OPAQUE), ONE_OF(sparse_tensor_type, 8, TYPE_TENSOR),
	ONE_OF(optional_type, 9, TYPE_NESTED),
};

static const struct onnx_field type_tensor_fields[] = {
	ONE(elem_type, 1, INT), ONE_OF(shape, 2, SHAPE),
};

static const struct onnx_field type_nested_fields[] = {
	ONE_OF(elem_type, 1, TYPE),
};

static const struct onnx_field type_map_fields[] = {
	ONE(key_type, 1, INT), ONE_OF(value_type, 2, TYPE),
};

static const struct onnx_field type_opaque_fields[] = {
	ONE(domain, 1, TEXT), ONE(name, 2, TEXT),
};

static const struct onnx_field shape_fields[] = {
	ANY_OF(dim, 1, DIMENSION),
};

static const struct onnx_field dimension_fields[] = {
	ONE(dim_value, 1, INT), ONE(dim_param, 2, TEXT), ONE(denotation, 3, TEXT),
};

static const struct onnx_field devices_fields[] = {
	ONE(name, 1, TEXT), ONE(num_devices, 2, INT), ANY(device, 3, TEXT),
};

static const struct onnx_field node_devices_fields[] = {
	ONE(configuration_id, 1, TEXT), ANY_OF(sharding_spec, 2, SHARDING),
	ONE(pipeline_stage, 3, INT),
};

static const struct onnx_field sharding_fields[] = {
	ONE(tensor_name, 1, TEXT), ANY(device, 2, INT),
	ANY_OF(index_to_device_group_map, 3, GROUP), ANY_OF(sharded_dim, 4, SHARDED_DIM),
};

static const struct onnx_field group_fields[] = {
	ONE(key, 1, INT), ANY(value, 2, INT),
};

static const struct onnx_field sharded_dim_fields[] = {
	ONE(axis, 1, INT), ANY_OF(simple_sharding, 2, SIMPLE_DIM),
};

static const struct onnx_field simple_dim_fields[] = {
	ONE(dim_value, 1, INT), ONE(dim_param, 2, TEXT), ONE(num_shards, 3, INT),
};

#define BIT(number) (UINT32_C(1) << (number))
#define ROW(id, fields, name, one_of) \
	[ONNX_##id] = { name, fields, sizeof(fields) / sizeof((fields)[0]), one_of }

static const struct onnx_message messages[N_ONNX_TYPES] = {
	ROW(MODEL, model_fields, "ModelProto", 0),
	ROW(GRAPH, graph_fields, "GraphProto", 0),
	ROW(NODE, node_fields, "NodeProto", 0),
	ROW(ATTRIBUTE, attribute_fields, "AttributeProto",
	    BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) |
	    BIT(11) | BIT(14) | BIT(15) | BIT(21)),
	ROW(TENSOR, tensor_fields, "TensorProto",
	    BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(9) | BIT(10) | BIT(11)),
	ROW(FUNCTION, function_fields, "FunctionProto", 0),
	ROW(TRAINING_INFO, training_info_fields, "TrainingInfoProto", 0),
	ROW(ENTRY, entry_fields, "StringStringEntryProto", 0),
	ROW(OPSET, opset_fields, "OperatorSetIdProto", 0),
	ROW(VALUE_INFO, value_info_fields, "ValueInfoProto", 0),
	ROW(ANNOTATION, annotation_fields, "TensorAnnotation", 0),
	ROW(TYPE, type_fields, "TypeProto", BIT(1) | BIT(4) | BIT(5) | BIT(7) | BIT(8) | BIT(9)),
	ROW(TYPE_TENSOR, type_tensor_fields, "TypeProto.Tensor", 0),
	ROW(TYPE_NESTED, type_nested_fields, "TypeProto.Sequence", 0),
	ROW(TYPE_MAP, type_map_fields, "TypeProto.Map", 0),
	ROW(TYPE_OPAQUE, type_opaque_fields, "TypeProto.Opaque", 0),
	ROW(SHAPE, shape_fields, "TensorShapeProto", 0),
	ROW(DIMENSION, dimension_fields, "TensorShapeProto.Dimension", BIT(1) | BIT(2)),
	ROW(DEVICES, devices_fields, "DeviceConfigurationProto", 0),
	ROW(NODE_DEVICES, node_devices_fields, "NodeDeviceConfigurationProto", 0),
	ROW(SHARDING, sharding_fields, "ShardingSpecProto", 0),
	ROW(GROUP, group_fields, "IntIntListEntryProto", 0),
	ROW(SHARDED_DIM, sharded_dim_fields, "ShardedDimProto", 0),
	ROW(SIMPLE_DIM, simple_dim_fields, "SimpleShardedDimProto", BIT(1) | BIT(2)),
};
#undef BIT

const struct onnx_message *onnx_message(enum onnx_type type)
{
	return &messages[type];
}

const struct onnx_field *onnx_field(enum onnx_type type, uint64_t number)
{
	const struct onnx_message *m = &messages[type];

	for (size_t i = 0; i < m->n_fields; i++)
		if (m->fields[i].number == number)
			return &m->fields[i];
	return NULL;
}

uint8_t onnx_attribute_field(uint64_t attribute_type)
{
	static const uint8_t fields[] = { 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 14, 15 };

	return attribute_type < sizeof(fields) ? fields[attribute_type] : 0;
}
