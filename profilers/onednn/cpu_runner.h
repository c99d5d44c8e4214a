#ifndef HALFTONE_PROFILERS_ONEDNN_CPU_RUNNER_H_
#define HALFTONE_PROFILERS_ONEDNN_CPU_RUNNER_H_

#include <memory>

#include "profilers/network_runner.h"

namespace halftone {

// Runs networks on the processor that Halftone runs on, as inference plans: those that the target
// `cpu` measures.
std::unique_ptr<NetworkRunner> MakeCpuRunner();

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_CPU_RUNNER_H_
