#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
    const std::pair<absl::string_view, absl::string_view> entry =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(entry.first) == field) {
      return std::string(absl::StripAsciiWhitespace(entry.second));
    }
  }
  return "";
}

// Virtual machines give many generations of a processor one name: what tells them apart comes with
// it, so that a machine that has moved does not find another processor's times in its cache.
std::string ProcessorName() {
  const std::string name = ProcessorField("model name");
  if (name.empty()) return "unknown processor";
  const std::string family = ProcessorField("cpu family");
  if (family.empty()) return name;
  return absl::StrCat(name, " (family ", family, ", model ", ProcessorField("model"), ", stepping ",
                      ProcessorField("stepping"), ")");
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

bool RoundsSources(const Layer& layer, const Precision& precision) {
  return plan::RoundsSources(plan::ArithmeticOf(layer, precision));
}

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
    case plan::Arithmetic::kRounded:
    case plan::Arithmetic::kFloat32:
      return Precision::Float32();
  }
  return Precision::Float32();
}

}  // namespace halftone
