# Every library that Halftone stands on; deploy/install.sh installs them.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
# Debian's CMake package of libzip wants its command-line tools too; pkg-config does not.
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
# libonnx's own CMake package pulls in its whole build; its two libraries and the define are enough.
find_library(ONNX_LIBRARY onnx REQUIRED)
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(halftone_onnx_library INTERFACE)
target_link_libraries(halftone_onnx_library INTERFACE ${ONNX_LIBRARY} ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf)
target_compile_definitions(halftone_onnx_library INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)

# The distribution's oneDNN where it is new enough, else the one that deploy/install.sh built.
set(HALFTONE_CACHE "$ENV{XDG_CACHE_HOME}")
if(NOT HALFTONE_CACHE)
  set(HALFTONE_CACHE "$ENV{HOME}/.cache")
endif()
find_package(dnnl 3.5 CONFIG REQUIRED HINTS ${HALFTONE_CACHE}/halftone/onednn)

if(HALFTONE_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(HALFTONE_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
