#ifndef HALFTONE_BASE_OPEN_FILES_H_
#define HALFTONE_BASE_OPEN_FILES_H_

#include <cstdint>

namespace halftone {

// Lets this process have as many files and connections open as the system allows it at all: shells
// and service managers begin with 1,024, and a gRPC server that could not accept a connection once
// accepts none any more in some versions. Returns the limit. Not for programs that call select().
int64_t RaiseOpenFileLimit();

}  // namespace halftone

#endif  // HALFTONE_BASE_OPEN_FILES_H_
