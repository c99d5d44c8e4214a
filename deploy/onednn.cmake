# Given to oneDNN's configure step by deploy/install.sh (CMAKE_PROJECT_INCLUDE): what it need not build
# for Halftone, and what need not be optimized. oneDNN's kernels are code that it writes at run time, so
# that the C++ which writes them may be compiled cheaply; loops that run as compiled keep -O3.
# Every ISA from SSE4.1 to AMX stays: a library built here must serve any x86-64.

# Primitives that Halftone has no use for. Their lists are empty by ONEDNN_ENABLE_PRIMITIVE, but their
# sources would be compiled all the same. The library is linked with --no-undefined, so that a source
# which is needed after all is found by the build.
file(GLOB HALFTONE_UNUSED
  ${PROJECT_SOURCE_DIR}/src/cpu/x64/rnn/*.cpp
  ${PROJECT_SOURCE_DIR}/src/cpu/x64/lrn/*.cpp
  ${PROJECT_SOURCE_DIR}/src/cpu/rnn/*.cpp
  ${PROJECT_SOURCE_DIR}/src/cpu/*group_normalization.cpp
  ${PROJECT_SOURCE_DIR}/src/cpu/x64/*group_normalization.cpp
  ${PROJECT_SOURCE_DIR}/src/cpu/x64/jit_uni_instance_normalization.cpp
  ${PROJECT_SOURCE_DIR}/src/cpu/ref_lrn.cpp)
list(FILTER HALFTONE_UNUSED EXCLUDE REGEX "rnn/rnn_utils.cpp$")
set_source_files_properties(${HALFTONE_UNUSED} PROPERTIES HEADER_FILE_ONLY ON)

function(halftone_trim_onednn)
  foreach(target dnnl_cpu dnnl_cpu_x64)
    get_target_property(directory ${target} SOURCE_DIR)
    set_source_files_properties(${HALFTONE_UNUSED} DIRECTORY ${directory} PROPERTIES HEADER_FILE_ONLY ON)
  endforeach()
  get_target_property(x64 dnnl_cpu_x64 SOURCE_DIR)
  file(GLOB_RECURSE generators ${x64}/*kernel*.cpp ${x64}/brgemm/*.cpp ${x64}/gemm/*.cpp
    ${x64}/injectors/*.cpp ${x64}/jit_uni_*.cpp ${x64}/prelu/*.cpp ${x64}/shuffle/*.cpp
    ${x64}/*_utils.cpp ${x64}/jit_*cvt.cpp ${x64}/jit_generator.cpp)
  set_source_files_properties(${generators} DIRECTORY ${x64} PROPERTIES COMPILE_OPTIONS -O1)
  target_compile_options(dnnl_cpu_x64 BEFORE PRIVATE -O2)
  # Thousands of lines without a branch that write one kernel each, once a process: -O0 takes a third of
  # the time of -O1, and what is precompiled with optimization does not serve it.
  file(GLOB_RECURSE copied ${x64}/gemm/*_autogen.cpp)
  set_source_files_properties(${copied} DIRECTORY ${x64}
    PROPERTIES COMPILE_OPTIONS -O0 COMPILE_FLAGS -O0 SKIP_PRECOMPILE_HEADERS ON)
  # Tables of implementations: what they instantiate chooses among kernels and is none.
  get_target_property(cpu dnnl_cpu SOURCE_DIR)
  file(GLOB lists ${cpu}/cpu_*_list.cpp)
  set_source_files_properties(${lists} DIRECTORY ${cpu} PROPERTIES COMPILE_OPTIONS -O1)
  # Half of what a source costs is parsing these.
  target_precompile_headers(dnnl_cpu_x64 PRIVATE
    ${x64}/jit_generator.hpp ${x64}/injectors/jit_uni_postops_injector.hpp ${x64}/brgemm/brgemm.hpp)
  target_precompile_headers(dnnl_cpu PRIVATE ${x64}/../cpu_engine.hpp ${x64}/../../common/primitive_desc.hpp)
endfunction()
cmake_language(DEFER CALL halftone_trim_onednn)
