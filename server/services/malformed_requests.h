#ifndef HALFTONE_SERVER_SERVICES_MALFORMED_REQUESTS_H_
#define HALFTONE_SERVER_SERVICES_MALFORMED_REQUESTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/server_interceptor.h"

namespace halftone {

// For a server's builder. gRPC answers a request whose bytes are no message of the call, before any
// handler sees it, with UNIMPLEMENTED and no text, as if the call did not exist; this makes it
// INVALID_ARGUMENT with text and reason. What handlers answer passes: they always say something. So
// do calls that do not exist, and those of other services than the ones that are named
// ("halftone.v1.SearchService"), which must implement all of their calls. A call that reads a
// stream of messages cannot be helped from here, and parses them itself.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MalformedRequestsExplained(
    const std::vector<std::string>& services);

// What such a request is answered, to `method` ("/halftone.v1.SearchService/GetJob").
absl::Status MalformedRequest(absl::string_view method);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_MALFORMED_REQUESTS_H_
