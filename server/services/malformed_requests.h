#ifndef HALFTONE_SERVER_SERVICES_MALFORMED_REQUESTS_H_
#define HALFTONE_SERVER_SERVICES_MALFORMED_REQUESTS_H_

#include <memory>

#include "grpcpp/support/server_interceptor.h"

namespace halftone {

// For a server's builder. gRPC answers a request whose bytes are no message of the call, before any
// handler sees it, with UNIMPLEMENTED and no text, as if the call did not exist; this makes it
// INVALID_ARGUMENT with text and reason. What handlers answer passes: they always say something.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MalformedRequestsExplained();

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_MALFORMED_REQUESTS_H_
