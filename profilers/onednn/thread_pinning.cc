#include "profilers/onednn/thread_pinning.h"

#include <omp.h>

#include <atomic>
#include <set>

namespace halftone {
namespace {

std::vector<int> AllowedProcessors() {
  std::vector<int> processors;
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &allowed)) processors.push_back(processor);
  }
  return processors;
}

// Runs `set_affinity` on each of the team's threads, with its number; whether all returned true.
template <typename SetAffinity>
bool OnEveryThread(int threads, SetAffinity set_affinity) {
  std::atomic<bool> all{true};
#pragma omp parallel num_threads(threads)
  if (!set_affinity(static_cast<size_t>(omp_get_thread_num()))) all = false;
  return all;
}

// A processor for each thread: the one that it runs on, which the system has chosen with a view to
// what else is running, and another one where two threads share it.
std::vector<int> ChooseProcessors(const std::vector<int>& allowed,
                                  const std::vector<int>& current) {
  std::vector<int> chosen;
  std::set<int> free(allowed.begin(), allowed.end());
  for (const int processor : current) chosen.push_back(free.erase(processor) > 0 ? processor : -1);
  for (int& processor : chosen) {
    if (processor >= 0) continue;
    processor = *free.begin();
    free.erase(free.begin());
  }
  return chosen;
}

}  // namespace

ThreadPinning::ThreadPinning(int threads) {
  const std::vector<int> allowed = AllowedProcessors();
  if (threads < 1 || allowed.size() < static_cast<size_t>(threads)) return;
  before_.resize(static_cast<size_t>(threads));
  std::vector<int> current(before_.size());
  const bool known = OnEveryThread(threads, [&](size_t thread) {
    current[thread] = ::sched_getcpu();
    return ::sched_getaffinity(0, sizeof(cpu_set_t), &before_[thread]) == 0;
  });
  if (!known) {
    before_.clear();
    return;
  }
  const std::vector<int> chosen = ChooseProcessors(allowed, current);
  OnEveryThread(threads, [&](size_t thread) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(chosen[thread], &one);
    return ::sched_setaffinity(0, sizeof(one), &one) == 0;
  });
}

ThreadPinning::~ThreadPinning() {
  if (before_.empty()) return;
  OnEveryThread(static_cast<int>(before_.size()), [this](size_t thread) {
    return ::sched_setaffinity(0, sizeof(cpu_set_t), &before_[thread]) == 0;
  });
}

}  // namespace halftone
