#ifndef HALFTONE_NN_ENGINE_ONEDNN_STEP_H_
#define HALFTONE_NN_ENGINE_ONEDNN_STEP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "nn/engine/onednn/arena.h"
#include "nn/engine/onednn/layout.h"
#include "nn/engine/onednn/step_work.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone {

// An index into the buffers of an executable.
using BufferId = int32_t;

// A piece of memory: part of a session's arena, or a constant that all sessions share.
struct Buffer {
  int64_t bytes = 0;
  BufferLifetime lifetime;  // in steps; not used for constants
  int64_t offset = 0;       // in the arena; not used for constants
  // Set for constants: their elements, and what keeps them alive.
  const float* constant = nullptr;
  std::shared_ptr<const void> owner;
};

// A computation on the host: reads and writes the buffers of its step, in the step's order. An
// error is that of what it reads, and ends the run.
using HostKernel = std::function<absl::Status(absl::Span<float* const> buffers)>;

// One argument of a step.
struct StepArgument {
  int role = 0;  // DNNL_ARG_...; not used by host kernels
  Layout layout;
  BufferId buffer = -1;
};

// One computation with its buffers: a oneDNN primitive, or a host kernel.
struct Step {
  dnnl::primitive primitive;  // used where `kernel` is empty
  HostKernel kernel;
  std::vector<StepArgument> arguments;
  int instruction = 0;      // that it is part of; for messages
  bool one_thread = false;  // ThreadsFor; else all that there are
  StepWork work;            // where it may be much more than its buffers have elements
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_STEP_H_
