#ifndef HALFTONE_CLIENT_INTERRUPT_H_
#define HALFTONE_CLIENT_INTERRUPT_H_

#include <functional>

namespace halftone {

// Takes Ctrl-C (SIGINT) and SIGTERM from the whole process: must be called once, first thing in
// main, before any thread is started.
void TakeInterrupts();

// While it lives, the first Ctrl-C calls the handler, on a thread of its own, instead of ending the
// process; a second one, later, ends it at once with exit code 4. One at a time.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::function<void()> handler);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;
};

// Whether Ctrl-C was pressed.
bool WasInterrupted();

}  // namespace halftone

#endif  // HALFTONE_CLIENT_INTERRUPT_H_
