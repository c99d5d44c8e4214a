#ifndef HALFTONE_SERVER_JOBS_JOB_TURNS_H_
#define HALFTONE_SERVER_JOBS_JOB_TURNS_H_

#include <cstdint>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"

namespace halftone {

// Which of the jobs that run works: one at a time, until it ends, only waits for something
// elsewhere, or an older one wants to go on after its wait and a stage is over; a new one begins
// when nobody wants to go on. That is more than the compute gate asks for, which each stage passes
// by itself: what a job does between its stages disturbs no measurement of another's, and only one
// job at a time has its inputs in memory. So what fits the memory's limit by its estimate fits it
// however many jobs there are: of one that waits, the network alone is left, where it was sent
// elsewhere, and there it is bounded. Thread-safe.
class JobTurns {
 public:
  // One job's; it ends with it. Used by one thread at a time, the job's.
  class Turn {
   public:
    ~Turn() { turns_->End(is_held_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // From here on the job only waits: another one may work.
    void Lend();
    // Waits until no other job works and none that is older wants to. Where `cancellation` says so
    // before (within 50 ms), or Stop() does, it returns without the turn.
    void TakeBack(const Cancellation& cancellation);
    bool is_held() const { return is_held_; }
    // Whether TakeBack() would wait.
    bool WouldWait() const { return !is_held_ && turns_->IsTaken(); }
    // Whether an older job waits in TakeBack().
    bool IsWantedByOlder() const;

   private:
    friend JobTurns;
    Turn(JobTurns* turns, int64_t number) : turns_(turns), number_(number) {}
    JobTurns* const turns_;
    const int64_t number_;  // by age
    bool is_held_ = true;
  };

  // Lets there be `max_jobs` at a time, all but one of which wait.
  explicit JobTurns(int max_jobs) : max_jobs_(max_jobs) {}

  // The turn of a new job, once no other works or wants to go on, and there are fewer than
  // `max_jobs`; null after Stop(). It must not outlive this.
  std::unique_ptr<Turn> Begin();
  // Whether another job works, or one waits to go on.
  bool IsTaken() const;
  // From now on nobody waits here.
  void Stop();

 private:
  void End(bool was_held);

  const int max_jobs_;
  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  int jobs_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t begun_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<int64_t> returning_ ABSL_GUARDED_BY(mutex_);  // numbers
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_TURNS_H_
