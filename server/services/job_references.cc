#include "server/services/job_references.h"

#include "search/explorer.h"
#include "search/stage_keys.h"
#include "search/stored_tables.h"
#include "server/convert/crosscheck.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"

namespace halftone {
namespace {

void AddTables(ArtifactStore& store, const SearchSpec& spec, std::vector<std::string>& keys) {
  keys.push_back(OfferKey(spec));
  const absl::StatusOr<TableNames> names = FindTableNames(spec, store);
  if (!names.ok()) return;
  for (const StoredName* name : {&names->network, &names->calibration, &names->sensitivity,
                                 &names->costs, &names->execution}) {
    if (!name->key.empty()) keys.push_back(name->key);
  }
}

}  // namespace

Sources SourcesOf(const SearchSpec& spec) {
  Sources sources = {spec.model, spec.calibration};
  if (!spec.evaluation.empty()) sources.push_back(spec.evaluation);
  const absl::StatusOr<std::string> target =
      ParseTargetFileName(spec.target.substr(0, spec.target.find('?')));
  if (target.ok()) sources.push_back(*target);
  return sources;
}

Sources SourcesOf(const CrosscheckSpec& spec) {
  Sources sources = {spec.model, spec.calibration};
  if (!spec.evaluation.empty()) sources.push_back(spec.evaluation);
  return sources;
}

JobReferences ReferencesOf(ArtifactStore& store, const JobRecord& job, const std::string& stored) {
  JobReferences references;
  references.uploads = Sha256sIn(stored);
  if (IsCrosscheck(stored)) return references;
  references.stage_keys.push_back(Explorer::StoredUnder(job.id));
  if (job.state != JobState::kSucceeded) return references;
  const absl::StatusOr<v1::SearchSpec> message = ParseSpec(stored);
  if (!message.ok()) return references;
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(*message);
  if (spec.ok()) AddTables(store, *spec, references.stage_keys);
  return references;
}

}  // namespace halftone
