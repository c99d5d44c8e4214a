#ifndef HALFTONE_SERVER_SERVICES_SOLVE_REACTOR_H_
#define HALFTONE_SERVER_SERVICES_SOLVE_REACTOR_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/services/reactors.h"
#include "server/services/running_solves.h"
#include "server/services/service_context.h"

namespace halftone {

inline absl::Status CheckSolveId(const std::string& id) {
  constexpr size_t kMaxBytes = 128;
  return AtField("solve_id", CheckLength("the id", id, kMaxBytes));
}

// A call of a solver: a worker thread answers it, with what it has when the call's deadline comes
// near or StopSolve is called with its id ("": nothing stops it).
inline grpc::ServerUnaryReactor* StartSolve(grpc::CallbackServerContext* context, const char* call,
                                            const ServiceContext& services, const std::string& id,
                                            WorkReactor::Handler handler) {
  const Cancellation cancellation = CancellationOf(context, AtDeadline::kAnswers);
  std::shared_ptr<RunningSolves::Entry> entry;
  absl::Status checked = CheckSolveId(id);
  if (checked.ok() && !id.empty()) {
    entry = std::make_shared<RunningSolves::Entry>(services.solves, id, cancellation);
  }
  return WorkReactor::Start(
      context, call, services.solvers, cancellation,
      [entry, checked = std::move(checked), handler = std::move(handler)](
          const Cancellation& stop) { return checked.ok() ? handler(stop) : checked; });
}

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_SOLVE_REACTOR_H_
