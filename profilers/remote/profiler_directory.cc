#include "profilers/remote/profiler_directory.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/field_path.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "profilers/remote/protocol.h"

namespace halftone {
namespace {

constexpr double kMinLeaseSeconds = 1;
constexpr double kMaxLeaseSeconds = 3600;
constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

// Tells the registrations of this server from those of one that ran before.
std::string Nonce() {
  std::random_device random;
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

bool SameProfiler(const ProfilerDescription& a, const ProfilerDescription& b) {
  return a.description == b.description && a.precisions == b.precisions &&
         a.empties_caches == b.empties_caches &&
         DeviceIdentity(a.device) == DeviceIdentity(b.device);
}

absl::Status Unknown(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("there is no registration ", Quoted(id), " (any more)"));
}

}  // namespace

// The right to ask one of the entries, which may be dropped while it is held.
class ProfilerDirectory::Lease final : public RemoteLease {
 public:
  Lease(ProfilerDirectory* directory, int64_t key, RemoteOffer offer,
        std::shared_ptr<const ProfilerClient> client)
      : directory_(directory), key_(key), offer_(std::move(offer)), client_(std::move(client)) {}

  ~Lease() override {
    absl::MutexLock lock(&directory_->mutex_);
    const auto found = directory_->entries_.find(key_);
    if (found != directory_->entries_.end()) found->second.profiler.busy = false;
  }

  const RemoteOffer& offer() const override { return offer_; }
  const ProfilerClient& client() const override { return *client_; }

  void NoteLife() override {
    absl::MutexLock lock(&directory_->mutex_);
    const auto found = directory_->entries_.find(key_);
    if (found != directory_->entries_.end()) found->second.last_life = directory_->clock_->Now();
  }

  absl::Status Check() const override {
    absl::MutexLock lock(&directory_->mutex_);
    directory_->DropSilent();
    if (directory_->entries_.count(key_) > 0) return absl::OkStatus();
    return absl::UnavailableError("it was withdrawn, or gave no sign of life for its lease");
  }

 private:
  ProfilerDirectory* const directory_;
  const int64_t key_;
  const RemoteOffer offer_;
  const std::shared_ptr<const ProfilerClient> client_;
};

// The entries of one name.
class ProfilerDirectory::Pool final : public RemotePool {
 public:
  Pool(ProfilerDirectory* directory, std::string name)
      : directory_(directory), name_(std::move(name)) {}

  std::vector<RemoteOffer> List() const override {
    std::vector<RemoteOffer> offers;
    for (RegisteredProfiler& profiler : directory_->List()) {
      if (profiler.name == name_) offers.push_back(std::move(profiler.offer));
    }
    return offers;
  }

  absl::StatusOr<std::unique_ptr<RemoteLease>> Acquire(const std::vector<std::string>& ids,
                                                       const Cancellation& cancellation) override {
    while (true) {
      HT_RETURN_IF_ERROR(cancellation.Check());
      bool any = false;
      if (auto lease = TryAcquire(ids, any); lease != nullptr) return lease;
      if (!any) return absl::UnavailableError("none of the profilers is there any more");
      absl::SleepFor(kPollInterval);
    }
  }

 private:
  // Null when all of them are busy; `any`: whether there is one at all.
  std::unique_ptr<RemoteLease> TryAcquire(const std::vector<std::string>& ids, bool& any) {
    absl::MutexLock lock(&directory_->mutex_);
    directory_->DropSilent();
    for (auto& [key, entry] : directory_->entries_) {
      const RemoteOffer& offer = entry.profiler.offer;
      if (std::find(ids.begin(), ids.end(), offer.id) == ids.end()) continue;
      any = true;
      if (entry.profiler.busy) continue;
      entry.profiler.busy = true;
      return std::make_unique<Lease>(directory_, key, offer, entry.client);
    }
    return nullptr;
  }

  ProfilerDirectory* const directory_;
  const std::string name_;
};

ProfilerDirectory::ProfilerDirectory(const Clock* clock, CostCache* cache,
                                     const RemoteOptions& options)
    : clock_(clock), cache_(cache), options_(options) {}

void ProfilerDirectory::DropSilent() const {
  for (auto it = entries_.begin(); it != entries_.end();) {
    it = IsAlive(it->second) ? std::next(it) : entries_.erase(it);
  }
}

RegisteredProfiler ProfilerDirectory::Snapshot(const Entry& entry) const {
  RegisteredProfiler profiler = entry.profiler;
  profiler.silence = std::max(absl::ZeroDuration(), clock_->Now() - entry.last_life);
  return profiler;
}

absl::StatusOr<absl::Duration> ProfilerDirectory::LeaseOf(double seconds) {
  if (seconds == 0) return kDefaultLease;
  if (seconds >= kMinLeaseSeconds && seconds <= kMaxLeaseSeconds) return absl::Seconds(seconds);
  return AtField("lease_seconds",
                 absl::InvalidArgumentError(absl::StrCat(seconds, " is not in ", kMinLeaseSeconds,
                                                         " to ", kMaxLeaseSeconds)));
}

absl::StatusOr<RegisteredProfiler> ProfilerDirectory::Register(const std::string& name,
                                                               const std::string& address,
                                                               absl::Duration lease) {
  HT_RETURN_IF_ERROR(Annotate(CheckTargetName(name), "name"));
  HT_RETURN_IF_ERROR(Annotate(ParseHostPort(address).status(), "address"));
  Entry entry;
  entry.client = std::make_shared<const ProfilerClient>(address);
  entry.profiler.name = name;
  HT_ASSIGN_OR_RETURN(entry.profiler.lease, LeaseOf(absl::ToDoubleSeconds(lease)));
  entry.profiler.offer.address = address;
  // Who registers listens already, and whoever asks waits for the answer.
  HT_ASSIGN_OR_RETURN(
      entry.profiler.offer.description,
      entry.client->Describe(options_.connect_timeout, ProfilerClient::WhenRefused::kFail));
  return Enter(std::move(entry));
}

absl::StatusOr<RegisteredProfiler> ProfilerDirectory::Enter(Entry entry) {
  absl::MutexLock lock(&mutex_);
  DropSilent();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    RegisteredProfiler& other = it->second.profiler;
    if (other.name != entry.profiler.name) continue;
    if (other.offer.address != entry.profiler.offer.address) continue;
    if (!SameProfiler(other.offer.description, entry.profiler.offer.description)) {
      entries_.erase(it);
      break;
    }
    other.lease = entry.profiler.lease;
    it->second.last_life = clock_->Now();
    return Snapshot(it->second);
  }
  if (entries_.size() >= kMaxRegistrations) {
    return absl::ResourceExhaustedError(
        absl::StrCat(entries_.size(), " profilers are registered already"));
  }
  const int64_t key = next_++;
  entry.profiler.offer.id = absl::StrCat(key, "-", Nonce());
  entry.last_life = clock_->Now();
  const RegisteredProfiler profiler = Snapshot(entry);
  entries_.emplace(key, std::move(entry));
  return profiler;
}

absl::StatusOr<RegisteredProfiler> ProfilerDirectory::Heartbeat(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  DropSilent();
  for (auto& [key, entry] : entries_) {
    if (entry.profiler.offer.id != id) continue;
    entry.last_life = clock_->Now();
    return Snapshot(entry);
  }
  return Unknown(id);
}

absl::Status ProfilerDirectory::Unregister(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, entry] : entries_) {
    if (entry.profiler.offer.id != id) continue;
    entries_.erase(key);
    return absl::OkStatus();
  }
  return Unknown(id);
}

std::vector<RegisteredProfiler> ProfilerDirectory::List() const {
  absl::MutexLock lock(&mutex_);
  DropSilent();
  std::vector<RegisteredProfiler> profilers;
  for (const auto& [key, entry] : entries_) profilers.push_back(Snapshot(entry));
  return profilers;
}

bool ProfilerDirectory::Has(absl::string_view name) const {
  const std::vector<RegisteredProfiler> profilers = List();
  return std::any_of(profilers.begin(), profilers.end(),
                     [&](const RegisteredProfiler& profiler) { return profiler.name == name; });
}

std::vector<ProfilerRegistry::Target> ProfilerDirectory::Targets() {
  std::vector<ProfilerRegistry::Target> targets;
  for (const RegisteredProfiler& profiler : List()) {
    const auto same_name = [&](const auto& target) { return target.name == profiler.name; };
    if (std::any_of(targets.begin(), targets.end(), same_name)) continue;
    ProfilerRegistry::Target target;
    target.name = profiler.name;
    target.description = profiler.offer.description.description;
    target.create = [this, name = profiler.name] {
      return MakeRemoteProfiler(name, std::make_shared<Pool>(this, name), cache_, options_);
    };
    targets.push_back(std::move(target));
  }
  return targets;
}

absl::Status ProfilerDirectory::AwaitName(absl::string_view name, absl::Time deadline,
                                          const Cancellation& cancellation) const {
  while (!Has(name) && clock_->Now() < deadline) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    absl::SleepFor(kPollInterval);
  }
  return absl::OkStatus();
}

}  // namespace halftone
