#ifndef HALFTONE_SERVER_SERVICES_SOLVE_REACTOR_H_
#define HALFTONE_SERVER_SERVICES_SOLVE_REACTOR_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/services/held_requests.h"
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
// `bytes`: of the request.
inline grpc::ServerUnaryReactor* StartSolve(grpc::CallbackServerContext* context, const char* call,
                                            const ServiceContext& services, const std::string& id,
                                            size_t bytes, WorkReactor::Handler handler) {
  const Cancellation cancellation = CancellationOf(context, AtDeadline::kAnswers);
  std::shared_ptr<RunningSolves::Entry> entry;
  const absl::StatusOr<HeldRequests::Hold> hold =
      services.held_requests->Take(context->peer(), bytes);
  const absl::Status checked = hold.ok() ? CheckSolveId(id) : hold.status();
  if (!checked.ok()) return AnswerNow(context, call, [&] { return checked; });
  if (!id.empty())
    entry = std::make_shared<RunningSolves::Entry>(services.solves, id, cancellation);
  return WorkReactor::Start(context, call, services.solvers, cancellation,
                            [entry, hold = *hold, handler = std::move(handler)](
                                const Cancellation& stop) { return handler(stop); });
}

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_SOLVE_REACTOR_H_
