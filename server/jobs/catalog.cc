#include "server/jobs/catalog.h"

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

}  // namespace halftone
