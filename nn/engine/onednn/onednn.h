#ifndef HALFTONE_NN_ENGINE_ONEDNN_ONEDNN_H_
#define HALFTONE_NN_ENGINE_ONEDNN_ONEDNN_H_

#include <exception>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone {

// The process's CPU engine. Thread-safe.
const dnnl::engine& CpuEngine();

// oneDNN's error as a Status, with "`what`: " before its message.
absl::Status DnnlErrorToStatus(const dnnl::error& error, absl::string_view what);
absl::Status ExceptionToStatus(const std::exception& error, absl::string_view what);

// Runs `call`, which returns a Status, and turns what it throws into one: oneDNN's errors
// (UNIMPLEMENTED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED or INTERNAL) and failed allocations.
template <typename Call>
absl::Status CatchDnnl(absl::string_view what, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const dnnl::error& error) {
    return DnnlErrorToStatus(error, what);
  } catch (const std::exception& error) {
    return ExceptionToStatus(error, what);
  }
}

// The number of threads that oneDNN's primitives are made for and run on. 0: as many as
// OMP_NUM_THREADS says, else all of the machine.
void SetOneDnnThreads(int threads);
int OneDnnThreads();
// Makes the calling thread use OneDnnThreads() threads, or `threads` of them: OpenMP keeps the
// number per calling thread.
void UseOneDnnThreads();
void UseOneDnnThreads(int threads);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_ONEDNN_H_
