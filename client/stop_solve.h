#ifndef HALFTONE_CLIENT_STOP_SOLVE_H_
#define HALFTONE_CLIENT_STOP_SOLVE_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "client/connection.h"
#include "client/interrupt.h"

namespace halftone {

// While it lives, the first Ctrl-C stops the solve with that id, so that its call answers with the
// best found; where the server cannot do that, it cancels the call. A second Ctrl-C ends the
// process. The connection must outlive it.
class StopSolveOnInterrupt {
 public:
  StopSolveOnInterrupt(Connection& connection, std::string solve_id);
  ~StopSolveOnInterrupt();

 private:
  void Run();

  Connection& connection_;
  const std::string solve_id_;
  absl::Notification interrupted_, ended_;
  std::thread thread_;
  std::unique_ptr<OnInterrupt> on_interrupt_;
};

}  // namespace halftone

#endif  // HALFTONE_CLIENT_STOP_SOLVE_H_
