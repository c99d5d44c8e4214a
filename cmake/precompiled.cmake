# What keeps the build short. HALFTONE_PCH: headers that most files read are parsed once for all targets
# of a kind. HALFTONE_UNITY: sources of a target are compiled in batches, so that a template is instantiated
# once a batch and not once a file; for those who build once. Developers who build after every change turn
# it off (preset "develop"); the tree must build both ways.
option(HALFTONE_PCH "Precompile headers" ON)
option(HALFTONE_UNITY "Compile sources in batches" OFF)
include(unity)

# The compiler collects its own garbage for a tenth of its time where its heap may not grow first.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(--param=ggc-min-expand=200 --param=ggc-min-heapsize=600000)
endif()

set(HALFTONE_PRECOMPILED_CORE
  <algorithm> <array> <cmath> <cstdint> <functional> <map> <memory> <optional> <set> <string> <utility> <vector>
  <absl/container/flat_hash_map.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
  <absl/strings/str_format.h> <absl/strings/str_join.h> <absl/strings/str_split.h>
  <absl/synchronization/mutex.h> <absl/types/span.h> <nlohmann/json.hpp>)

# Where nothing is hot, what the optimizer finds is not worth its time: tests, files that are read and written,
# the service's edges, the client.
set(HALFTONE_COMPILE_LIGHTLY "$<$<CONFIG:Release>:-O1>")

# halftone_precompiled(NAME LIBRARIES ... HEADERS ... OPTIONS ...): a set of headers to be compiled once.
function(halftone_precompiled name)
  cmake_parse_arguments(ARG "" "" "LIBRARIES;HEADERS;OPTIONS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/precompiled/${name}.cc)
  if(NOT EXISTS ${source})
    file(WRITE ${source} "// Holds the precompiled headers.\n")
  endif()
  add_library(halftone_precompiled_${name} STATIC ${source})
  target_compile_options(halftone_precompiled_${name} PRIVATE ${ARG_OPTIONS})
  target_link_libraries(halftone_precompiled_${name} PRIVATE halftone_options ${ARG_LIBRARIES})
  target_precompile_headers(halftone_precompiled_${name} PRIVATE ${ARG_HEADERS})
endfunction()

# halftone_compile_fast(TARGET SET): takes the precompiled SET, and batches where asked for.
function(halftone_compile_fast target set)
  if(HALFTONE_PCH)
    # Precompiled headers serve only who compiles with the same flags.
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if("OpenMP::OpenMP_CXX" IN_LIST libraries)
      set(set openmp)
    endif()
    get_directory_property(options COMPILE_OPTIONS)
    if("${set}" STREQUAL "core" AND HALFTONE_COMPILE_LIGHTLY IN_LIST options)
      set(set light)
    endif()
    target_precompile_headers(${target} REUSE_FROM halftone_precompiled_${set})
  endif()
  if(HALFTONE_UNITY AND NOT "${set}" STREQUAL "test")
    halftone_batch(${target})
  endif()
endfunction()

if(HALFTONE_PCH)
  set(linked absl::statusor absl::strings absl::str_format absl::flat_hash_map absl::synchronization absl::span
    nlohmann_json::nlohmann_json Threads::Threads)
  halftone_precompiled(core LIBRARIES ${linked} HEADERS ${HALFTONE_PRECOMPILED_CORE})
  halftone_precompiled(light LIBRARIES ${linked} HEADERS ${HALFTONE_PRECOMPILED_CORE}
    OPTIONS ${HALFTONE_COMPILE_LIGHTLY})
  halftone_precompiled(openmp LIBRARIES ${linked} OpenMP::OpenMP_CXX HEADERS ${HALFTONE_PRECOMPILED_CORE})
  if(HALFTONE_BUILD_TESTS)
    halftone_precompiled(test LIBRARIES ${linked} GTest::gmock GTest::gtest
      HEADERS ${HALFTONE_PRECOMPILED_CORE} <gmock/gmock.h> <gtest/gtest.h> OPTIONS ${HALFTONE_COMPILE_LIGHTLY})
  endif()
endif()
