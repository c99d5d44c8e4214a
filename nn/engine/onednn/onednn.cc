#include "nn/engine/onednn/onednn.h"

#include <omp.h>

#include <atomic>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

std::atomic<int> configured_threads{0};
// What OMP_NUM_THREADS says, else all processors.
const int default_threads = omp_get_max_threads();

}  // namespace

const dnnl::engine& CpuEngine() {
  static const auto* const engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

absl::Status DnnlErrorToStatus(const dnnl::error& error, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": oneDNN: ", error.message);
  switch (error.status) {
    case dnnl_unimplemented:
      return absl::UnimplementedError(message);
    case dnnl_invalid_arguments:
      return absl::InvalidArgumentError(message);
    case dnnl_out_of_memory:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::Status ExceptionToStatus(const std::exception& error, absl::string_view what) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat(what, ": out of memory"));
  }
  return absl::InternalError(absl::StrCat(what, ": ", error.what()));
}

void SetOneDnnThreads(int threads) { configured_threads.store(threads > 0 ? threads : 0); }

int OneDnnThreads() {
  const int threads = configured_threads.load();
  return threads > 0 ? threads : default_threads;
}

void UseOneDnnThreads() { UseOneDnnThreads(OneDnnThreads()); }

void UseOneDnnThreads(int threads) {
  if (omp_get_max_threads() != threads) omp_set_num_threads(threads);
}

}  // namespace halftone
