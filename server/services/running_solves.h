#ifndef HALFTONE_SERVER_SERVICES_RUNNING_SOLVES_H_
#define HALFTONE_SERVER_SERVICES_RUNNING_SOLVES_H_

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"

namespace halftone {

// The calls of solvers that are not answered yet, by the ids that their callers chose, so that
// another call can stop them: what is stopped answers with the best that it has. Thread-safe.
class RunningSolves {
 public:
  // Until it is destroyed, the call is found. Must not outlive the RunningSolves.
  class Entry {
   public:
    Entry(RunningSolves* solves, const std::string& id, Cancellation cancellation);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    RunningSolves* solves_;
    std::multimap<std::string, Cancellation>::iterator place_;
  };

  // Cancels all calls with that id; false if there is none.
  bool Stop(const std::string& id);

 private:
  absl::Mutex mutex_;
  std::multimap<std::string, Cancellation> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_RUNNING_SOLVES_H_
