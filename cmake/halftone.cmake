# halftone_library, halftone_binary, halftone_test, halftone_benchmark: one call per CMake target.
# All take SRCS and DEPS; headers need no mention. Includes are written from the root of the tree.

add_library(halftone_options INTERFACE)
target_include_directories(halftone_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(halftone_options INTERFACE
  -pthread -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # What the optimizer says of inlined library code is often not true (std::string's operator+ alone
  # has half a dozen reports at GCC), and differs with every version and level.
  target_compile_options(halftone_options INTERFACE
    -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(halftone_options INTERFACE -Wno-dangling-reference)
  endif()
endif()

# halftone_library(NAME nn_graph SRCS ... DEPS ... [PRIVATE_DEPS ...])
function(halftone_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(halftone_${ARG_NAME} STATIC ${ARG_SRCS})
  target_link_libraries(halftone_${ARG_NAME} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} halftone_options)
  halftone_compile_fast(halftone_${ARG_NAME} core)
endfunction()

# halftone_binary(NAME halftone-server SRCS ... DEPS ...): an executable in build/bin.
function(halftone_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} halftone_options)
  halftone_compile_fast(${ARG_NAME} core)
endfunction()

# halftone_test(NAME base_units_test SRCS ... DEPS ... [TIMEOUT seconds] [WHOLE] [DEFINITIONS ...])
# Every test case becomes a ctest of its own; with WHOLE the binary is one ctest (for suites of
# many tiny cases, or with a costly set-up that the cases share). NAME is also the label of them all:
# `ctest -L base_units_test`.
function(halftone_test)
  cmake_parse_arguments(ARG "WHOLE" "NAME;TIMEOUT" "SRCS;DEPS;DEFINITIONS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(HALFTONE_SANITIZE)  # what makes code several times as slow
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 4")
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} halftone_options GTest::gmock GTest::gtest_main)
  target_compile_options(${ARG_NAME} PRIVATE ${HALFTONE_COMPILE_LIGHTLY})
  halftone_compile_fast(${ARG_NAME} test)
  target_compile_definitions(${ARG_NAME} PRIVATE
    HALFTONE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" HALFTONE_BINARY_DIR="${CMAKE_BINARY_DIR}" ${ARG_DEFINITIONS})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(ARG_WHOLE)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
    set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_NAME})
  else()
    gtest_discover_tests(${ARG_NAME} DISCOVERY_TIMEOUT 120 DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
      PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_NAME})
  endif()
endfunction()

# halftone_benchmark(NAME solver_benchmark SRCS ... DEPS ...)
function(halftone_benchmark)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} halftone_options benchmark::benchmark)
  halftone_compile_fast(${ARG_NAME} core)
  target_compile_definitions(${ARG_NAME} PRIVATE HALFTONE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/benchmarks)
endfunction()
