#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/form.h"

namespace halftone {
namespace {

// The first processor's field in the system's list; "" if it has none.
std::string ProcessorField(absl::string_view field) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (absl::StartsWith(line, field) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

std::string ProcessorName() {
  const std::string name = ProcessorField("model name");
  return name.empty() ? "unknown processor" : name;
}

double ProcessorMegahertz() {
  double megahertz = 0;
  return absl::SimpleAtod(ProcessorField("cpu MHz"), &megahertz) ? megahertz : 0;
}

// oneDNN's own names, as in its verbose output and its environment variables.
std::string IsaName(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx2_vnni_2:
      return "avx2_vnni_2";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx10_1_512:  // also called avx512_core_fp16
      return "avx10_1_512";
    case dnnl::cpu_isa::avx10_1_512_amx:  // also called avx512_core_amx
      return "avx10_1_512_amx";
    case dnnl::cpu_isa::avx10_1_512_amx_fp16:  // also called avx512_core_amx_fp16
      return "avx10_1_512_amx_fp16";
    default:
      return "default";
  }
}

}  // namespace

CpuDevice DescribeCpu() {
  const dnnl_version_t& version = *dnnl::version();
  CpuDevice device;
  device.name = ProcessorName();
  device.frequency_mhz = ProcessorMegahertz();
  device.isa = IsaName(dnnl::get_effective_cpu_isa());
  device.library = absl::StrCat("oneDNN ", version.major, ".", version.minor, ".", version.patch);
  device.threads = OneDnnThreads();
  return device;
}

void SetCpuThreads(int threads) { SetOneDnnThreads(threads); }

Precision ExecutedAs(const Layer& layer, const Precision& precision) {
  switch (plan::ArithmeticOf(layer, precision)) {
    case plan::Arithmetic::kInt8:
      return Precision::Int(8, 8);
    case plan::Arithmetic::kDecompress8:
      return {Precision::Int(8, 8).weights, precision.activations};
    case plan::Arithmetic::kDecompress4:
      return {Precision::Int(4, 4).weights, precision.activations};
    case plan::Arithmetic::kBFloat16:
      return precision;
    case plan::Arithmetic::kFloat32:
      return Precision::Float32();
  }
  return Precision::Float32();
}

}  // namespace halftone
