#ifndef HALFTONE_SERVER_JOBS_HELD_PASS_H_
#define HALFTONE_SERVER_JOBS_HELD_PASS_H_

#include <memory>
#include <utility>

#include "server/jobs/compute_gate.h"

namespace halftone {

// The pass of a thread through the compute gate, which it lends while it only waits. For that
// thread.
class HeldPass {
 public:
  // Borrows the gate.
  HeldPass(ComputeGate* gate, Cancellation cancellation)
      : gate_(gate), cancellation_(std::move(cancellation)) {}

  bool is_held() const { return pass_ != nullptr; }
  // Waits for its turn. False if it was cancelled before.
  bool Enter() {
    absl::StatusOr<std::unique_ptr<ComputeGate::Pass>> pass = gate_->Enter(cancellation_);
    if (pass.ok()) pass_ = *std::move(pass);
    return is_held();
  }
  void Leave() { pass_.reset(); }

  // From here others may come in, if it is held.
  void Lend() {
    is_lent_ = is_held();
    Leave();
  }
  // Waits for its next turn, if it was lent, and is not held again if it was cancelled before.
  void TakeBack() {
    if (std::exchange(is_lent_, false)) Enter();
  }

 private:
  ComputeGate* const gate_;
  const Cancellation cancellation_;
  std::unique_ptr<ComputeGate::Pass> pass_;
  bool is_lent_ = false;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_HELD_PASS_H_
