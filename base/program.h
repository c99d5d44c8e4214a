#ifndef HALFTONE_BASE_PROGRAM_H_
#define HALFTONE_BASE_PROGRAM_H_

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace halftone {

// Runs a program, `body(argc, argv)`, for its exit status. What it throws, which Halftone's own
// code does not but a library may (no memory, say), is told on stderr as `name`'s; the status is
// EXIT_FAILURE then.
inline int RunProgram(const char* name, int (*body)(int, char**), int argc, char** argv) noexcept {
  try {
    return body(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace halftone

#endif  // HALFTONE_BASE_PROGRAM_H_
