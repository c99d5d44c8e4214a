#include "profilers/onednn/thread_pinning.h"

#include <omp.h>

#include <atomic>

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

}  // namespace

ThreadPinning::ThreadPinning(int threads) {
  const std::vector<int> processors = AllowedProcessors();
  if (threads < 1 || processors.size() < static_cast<size_t>(threads)) return;
  before_.resize(static_cast<size_t>(threads));
  const bool known = OnEveryThread(threads, [this](size_t thread) {
    return ::sched_getaffinity(0, sizeof(cpu_set_t), &before_[thread]) == 0;
  });
  if (!known) {
    before_.clear();
    return;
  }
  OnEveryThread(threads, [&](size_t thread) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processors[thread], &one);
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
