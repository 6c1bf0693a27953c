# onnx.proto -> onnx.pb-c.[ch] in the build tree.
set(onnx_dir ${CMAKE_BINARY_DIR}/generated/graph)
file(MAKE_DIRECTORY ${onnx_dir})
add_custom_command(
    OUTPUT ${onnx_dir}/onnx.pb-c.c ${onnx_dir}/onnx.pb-c.h
    COMMAND ${PROTOC_C} --proto_path=${PROJECT_SOURCE_DIR}/graph
            --c_out=${onnx_dir} ${PROJECT_SOURCE_DIR}/graph/onnx.proto
    DEPENDS ${PROJECT_SOURCE_DIR}/graph/onnx.proto
    COMMENT "Generating the ONNX reader")
set_source_files_properties(${onnx_dir}/onnx.pb-c.c PROPERTIES
    COMPILE_OPTIONS "-w")
target_sources(haq_graph PRIVATE ${onnx_dir}/onnx.pb-c.c
    ${onnx_dir}/onnx.pb-c.h)
target_include_directories(haq_graph SYSTEM PUBLIC
    ${CMAKE_BINARY_DIR}/generated)
