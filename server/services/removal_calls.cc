#include "server/services/removal_calls.h"

#include <string>

#include "base/status_macros.h"
#include "server/convert/resource_name.h"
#include "server/convert/status.h"
#include "server/services/explorations.h"

namespace halftone {
namespace {

void FillRemoval(const Removal& removal, v1::Removal* out) {
  for (const std::string& name : removal.names) out->add_names(name);
  out->set_stage_outputs(removal.stage_outputs);
  out->set_measured_costs(removal.measured_costs);
  out->set_blobs(removal.blobs);
  out->set_freed_bytes(removal.bytes);
  out->set_recently_used(removal.recently_used);
}

// What optimizers outside have found on jobs that are gone is not to be written any more.
void DropExplorations(const ServiceContext& context, const Removal& removal) {
  for (const std::string& name : removal.names) {
    const absl::StatusOr<std::string> id = ParseJobName(name);
    if (id.ok()) context.explorations->Drop(*id);
  }
}

absl::Status DeleteUpload(const ServiceContext& context, ContentKind kind, const std::string& name,
                          const absl::StatusOr<std::string>& sha256, v1::Removal* response) {
  if (!sha256.ok()) return AtField("name", sha256.status());
  const v1::ErrorReason missing =
      kind == ContentKind::kModel ? v1::MODEL_NOT_FOUND : v1::DATASET_NOT_FOUND;
  const absl::StatusOr<Removal> removal =
      WithReason(missing, WithReason(v1::UPLOAD_IN_USE, context.collector->Forget(kind, *sha256)));
  if (!removal.ok()) return AboutResource(name, removal.status());
  DropExplorations(context, *removal);
  FillRemoval(*removal, response);
  return absl::OkStatus();
}

// `keep` stays where nothing is asked for.
absl::Status ReadKeep(absl::string_view field, const std::string& text, Keep* keep) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<Keep> parsed = ParseKeep(text);
  if (!parsed.ok()) return AtField(field, parsed.status());
  *keep = *parsed;
  return absl::OkStatus();
}

}  // namespace

absl::Status DeleteModel(const ServiceContext& context, const v1::DeleteModelRequest& request,
                         v1::Removal* response) {
  return DeleteUpload(context, ContentKind::kModel, request.name(), ParseModelName(request.name()),
                      response);
}

absl::Status DeleteDataset(const ServiceContext& context, const v1::DeleteDatasetRequest& request,
                           v1::Removal* response) {
  return DeleteUpload(context, ContentKind::kDataset, request.name(),
                      ParseDatasetName(request.name()), response);
}

absl::Status CollectGarbage(const ServiceContext& context, const v1::CollectGarbageRequest& request,
                            v1::Removal* response) {
  Retention retention = context.collector->retention();
  HT_RETURN_IF_ERROR(ReadKeep("jobs", request.jobs(), &retention.jobs));
  HT_RETURN_IF_ERROR(ReadKeep("uploads", request.uploads(), &retention.uploads));
  HT_RETURN_IF_ERROR(ReadKeep("stages", request.stages(), &retention.stages));
  HT_RETURN_IF_ERROR(ReadKeep("costs", request.costs(), &retention.costs));
  HT_ASSIGN_OR_RETURN(const Removal removal, context.collector->Collect(retention));
  DropExplorations(context, removal);
  FillRemoval(removal, response);
  return absl::OkStatus();
}

}  // namespace halftone
