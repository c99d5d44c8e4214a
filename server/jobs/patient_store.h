#ifndef HALFTONE_SERVER_JOBS_PATIENT_STORE_H_
#define HALFTONE_SERVER_JOBS_PATIENT_STORE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/waiting.h"
#include "search/artifact_store.h"

namespace halftone {

// Whether what was refused may be granted later: the disk is full, or the database in use.
bool MayPass(const absl::Status& status);

// The store of a job, which is not to be lost for a disk that is full for some seconds: what may
// pass is tried again for kPatience, unless the job is cancelled, and is an error only then. As
// thread-safe as the store.
class PatientStore final : public ArtifactStore {
 public:
  static constexpr absl::Duration kPatience = absl::Minutes(1);
  using Wait = std::function<void(absl::Duration)>;

  // Borrows the store. Measures by the cancellation's clock; `wait` lets time pass, half a second
  // at most. A call that is tried again tells `observer` before its first wait, and after its last
  // try, whatever came of that.
  PatientStore(ArtifactStore* store, Cancellation cancellation, WaitingObserver observer = {},
               Wait wait = absl::SleepFor);

  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override;
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override;
  // Notes the use of what it finds, which is a write as well.
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override;
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override;

 private:
  template <typename Call>
  auto Try(const Call& call) const;

  ArtifactStore* const store_;
  const Cancellation cancellation_;
  const WaitingObserver observer_;
  const Wait wait_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_PATIENT_STORE_H_
