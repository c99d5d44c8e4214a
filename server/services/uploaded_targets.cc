#include "server/services/uploaded_targets.h"

#include <algorithm>
#include <string>

#include "base/status_macros.h"
#include "profilers/builtin.h"
#include "server/convert/resource_name.h"

namespace halftone {
namespace {

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeUploaded(Catalog* catalog,
                                                           const std::string& target) {
  const size_t end = std::min(target.find('?'), target.size());
  HT_ASSIGN_OR_RETURN(const std::string sha256, ParseTargetFileName(target.substr(0, end)));
  HT_ASSIGN_OR_RETURN(const ContentRecord record, catalog->Find(ContentKind::kTargetFile, sha256));
  absl::StatusOr<std::string> text = catalog->LoadBlob(sha256);
  if (!text.ok()) return AsLost(TargetFileName(sha256), text.status(), kSendItAgain);
  const std::string name = record.display_name.empty() ? target : record.display_name;
  return MakeDescribedProfiler({name, *std::move(text), record.create_time},
                               end < target.size() ? target.substr(end + 1) : "");
}

}  // namespace

absl::Status RegisterUploadedTargets(ProfilerRegistry& registry, Catalog* catalog) {
  return registry.RegisterAddresses(
      "targets/", [catalog](const std::string& target) { return MakeUploaded(catalog, target); });
}

}  // namespace halftone
