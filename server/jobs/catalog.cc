#include "server/jobs/catalog.h"

#include "absl/strings/str_cat.h"

namespace halftone {

absl::string_view CollectionOf(ContentKind kind) {
  switch (kind) {
    case ContentKind::kModel:
      return "models";
    case ContentKind::kDataset:
      return "datasets";
    case ContentKind::kTargetFile:
      return "targets";
  }
  return "";
}

absl::Status AsLost(absl::string_view resource, const absl::Status& status,
                    absl::string_view remedy) {
  if (!absl::IsNotFound(status) && !absl::IsDataLoss(status)) return status;
  return absl::DataLossError(absl::StrCat(
      "what was stored of '", resource, "' is ", absl::IsNotFound(status) ? "missing" : "lost",
      remedy.empty() ? "" : ", ", remedy, ": ", status.message()));
}

}  // namespace halftone
