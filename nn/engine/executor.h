#ifndef HALFTONE_NN_ENGINE_EXECUTOR_H_
#define HALFTONE_NN_ENGINE_EXECUTOR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "nn/engine/program.h"
#include "nn/graph/tensor.h"

namespace halftone {

// A Program made ready to run with oneDNN: primitives chosen with their own blocked layouts,
// constants reordered once, reorders only where layouts differ, and one arena in which buffers
// of values that do not live at the same time share memory. Immutable; thread-safe.
class Executable {
 public:
  // INVALID_ARGUMENT or UNIMPLEMENTED names the instruction's label, and so does RESOURCE_EXHAUSTED
  // for one that would run for minutes, since nobody could stop it.
  static absl::StatusOr<std::shared_ptr<const Executable>> Compile(Program program);
  ~Executable();

  // As compiled: what depends on constants alone is a constant.
  const Program& program() const;
  // Bytes that a Session of it holds, and of the constants that all of them share.
  int64_t arena_bytes() const;
  int64_t constant_bytes() const;
  // What the costliest step computes in one run, in multiply-adds of a fast kernel.
  double step_cost() const;

 private:
  friend class Session;
  struct Impl;
  explicit Executable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The memory in which an Executable runs. One thread at a time; make one Session per thread.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Create(
      std::shared_ptr<const Executable> executable);
  ~Session();

  // Copies `values` (C order, all elements of the input's shape).
  absl::Status SetInput(absl::string_view name, absl::Span<const float> values);
  // Runs all instructions. CANCELLED within one instruction of a cancellation.
  absl::Status Run(const Cancellation& cancellation = {});
  // The result of the last Run, in C order; valid until the next Run.
  absl::StatusOr<absl::Span<const float>> Output(absl::string_view name) const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_EXECUTOR_H_
