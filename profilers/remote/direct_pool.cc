#include "profilers/remote/direct_pool.h"

#include "base/status_macros.h"

namespace halftone {

class DirectPool::Lease final : public RemoteLease {
 public:
  explicit Lease(DirectPool* pool) : pool_(pool) {}
  ~Lease() override {
    absl::MutexLock lock(&pool_->mutex_);
    pool_->busy_ = false;
  }
  const RemoteOffer& offer() const override { return pool_->offer_; }
  const ProfilerClient& client() const override { return pool_->client_; }
  void NoteLife() override {}
  absl::Status Check() const override { return absl::OkStatus(); }

 private:
  DirectPool* const pool_;
};

absl::StatusOr<std::shared_ptr<RemotePool>> DirectPool::Connect(const std::string& address,
                                                                absl::Duration timeout) {
  std::shared_ptr<DirectPool> pool(new DirectPool(address));
  HT_ASSIGN_OR_RETURN(pool->offer_.description, pool->client_.Describe(timeout));
  pool->offer_.id = pool->offer_.address = address;
  return std::shared_ptr<RemotePool>(std::move(pool));
}

absl::StatusOr<std::unique_ptr<RemoteLease>> DirectPool::Acquire(const std::vector<std::string>&,
                                                                 const Cancellation& cancellation) {
  absl::MutexLock lock(&mutex_);
  const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !busy_; };
  while (!mutex_.AwaitWithTimeout(absl::Condition(&is_free), absl::Milliseconds(50))) {
    HT_RETURN_IF_ERROR(cancellation.Check());
  }
  busy_ = true;
  return std::unique_ptr<RemoteLease>(std::make_unique<Lease>(this));
}

}  // namespace halftone
