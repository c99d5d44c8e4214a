#ifndef HALFTONE_PROFILERS_REMOTE_LISTENING_H_
#define HALFTONE_PROFILERS_REMOTE_LISTENING_H_

#include <string>

#include "absl/status/status.h"

// What the programs that listen say when they cannot: gRPC tells no cause to its caller, and
// hundreds of characters of its own insides to stderr.
namespace halftone {

// OK for HOST:PORT where PORT may be 0 (any free one), and for gRPC's unix:PATH. INVALID_ARGUMENT
// names the text.
absl::Status CheckListenAddress(const std::string& address);

// Why nothing can listen at an address that is well-formed, in the system's words: "cannot listen
// on '127.0.0.1:80': Permission denied". FAILED_PRECONDITION.
absl::Status CannotListen(const std::string& address);

// Keeps gRPC's own log off stderr, unless the environment has GRPC_VERBOSITY. To be called before
// anything of gRPC is.
void SilenceGrpcLog();

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_LISTENING_H_
