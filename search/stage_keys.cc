#include "search/stage_keys.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files.h"
#include "base/hash.h"
#include "nlohmann/json.hpp"
#include "search/input_binding_json.h"

namespace halftone {
namespace {

std::string Join(const std::vector<Precision>& precisions) {
  return absl::StrJoin(precisions, ",", [](std::string* out, const Precision& precision) {
    out->append(precision.ToString());
  });
}

// A target that is described by a file is that file's content.
std::string TargetIdentity(const std::string& target) {
  constexpr int64_t kMaxDescriptionBytes = 32 << 20;
  const std::string path = target.substr(0, target.find('?'));
  if (!absl::EndsWith(path, ".json") && !absl::EndsWith(path, ".csv")) return target;
  const absl::StatusOr<std::string> description = ReadFile(path, kMaxDescriptionBytes);
  return description.ok() ? absl::StrCat(target, "@", Sha256Hex(*description)) : target;
}

// Of what depends on what a target states, which for one that states nothing is no other.
std::string AsExecuted(const std::string& key, absl::string_view execution) {
  return execution.empty() ? key : HashOf({"executed/1", key, execution});
}

// What a problem is built and solved from, beside the outputs of the stages before.
std::string SolverFields(const SearchSpec& spec) {
  const nlohmann::json json = SearchSpecToJson(spec);
  nlohmann::json fields;
  for (const char* const name : {"budgets", "pins", "rules", "explain", "frontier", "use_ties",
                                 "batch", "robust", "time_limit_seconds"}) {
    fields[name] = json.at(name);
  }
  return fields.dump();
}

}  // namespace

std::string HashOf(std::initializer_list<absl::string_view> fields) {
  Sha256 hash;
  for (const absl::string_view field : fields) hash.UpdateField(field);
  return hash.FinishHex();
}

std::string NetworkIdentity(const SearchSpec& spec) {
  std::string identity = spec.inputs_identity.empty()
                             ? spec.model
                             : HashOf({"network/1", spec.model, spec.inputs_identity});
  if (spec.heads.empty()) return identity;
  return HashOf({"heads/1", identity, AskedHeadsToJson(spec.heads).dump()});
}

std::string InputsKey(const SearchSpec& spec) {
  return HashOf({"inputs/1", spec.model, spec.calibration, InputBindingToJson(spec.inputs).dump()});
}

std::string ImportKey(const SearchSpec& spec) {
  return HashOf({"import/5", NetworkIdentity(spec)});
}

std::string OfferKey(const SearchSpec& spec) {
  return HashOf({"offer/2", TargetIdentity(spec.target), Join(spec.precisions)});
}

std::string CalibrateKey(const SearchSpec& spec, const std::vector<Precision>& offered) {
  return HashOf({"calibrate/4", NetworkIdentity(spec), spec.calibration,
                 absl::StrCat(spec.sensitivity.samples), Join(offered),
                 QuantizationOptionsToJson(spec.quantization).dump()});
}

std::string ExecutionKey(const SearchSpec& spec, const Offer& offer) {
  return HashOf({"execution/1", NetworkIdentity(spec), TargetIdentity(spec.target),
                 Join(offer.offered), offer.machine});
}

std::string SensitivityKey(const SearchSpec& spec, const std::vector<Precision>& offered,
                           absl::string_view execution) {
  const std::string key = HashOf({"sensitivity/5", CalibrateKey(spec, offered),
                                  SensitivityOptionsToJson(spec.sensitivity).dump()});
  if (KnowsWeightsOnly(spec.sensitivity.method)) return key;
  return AsExecuted(key, execution);
}

std::string DominatedKey(const std::string& sensitivity_key, absl::string_view dominated) {
  return dominated.empty() ? sensitivity_key : HashOf({"dominated/1", sensitivity_key, dominated});
}

std::string PairsKey(absl::string_view sensitivity_key) {
  return absl::StrCat(sensitivity_key, "/pairs");
}

std::string ProfileKey(const SearchSpec& spec, const std::vector<Precision>& profiled) {
  return HashOf({"profile/2", NetworkIdentity(spec), TargetIdentity(spec.target), Join(profiled),
                 absl::StrCat(spec.batch), absl::StrCat(spec.threads)});
}

TableNames TableNamesOf(const SearchSpec& spec, Offer offer, absl::string_view execution) {
  TableNames names;
  names.network.key = ImportKey(spec);
  names.calibration.key = CalibrateKey(spec, offer.offered);
  if (!offer.machine.empty()) names.execution.key = ExecutionKey(spec, offer);
  names.sensitivity.key = SensitivityKey(spec, offer.offered, execution);
  names.pairs.key = PairsKey(names.sensitivity.key);
  names.costs.key = ProfileKey(spec, offer.profiled);
  names.offer = std::move(offer);
  return names;
}

std::string SolveKey(const SearchSpec& spec, absl::string_view import_output,
                     absl::string_view sensitivity_output, absl::string_view profile_output) {
  return HashOf({"solve/4", import_output, sensitivity_output, profile_output, SolverFields(spec)});
}

std::string MeterKey(const SearchSpec& spec, absl::string_view calibrate_output,
                     absl::string_view execution) {
  return AsExecuted(HashOf({"divergences/5", NetworkIdentity(spec), spec.calibration,
                            absl::StrCat(spec.sensitivity.samples), calibrate_output}),
                    execution);
}

std::string RefineKey(const SearchSpec& spec, absl::string_view calibrate_output,
                      absl::string_view execution, absl::string_view sensitivity_output,
                      absl::string_view solve_output) {
  const nlohmann::json json = SearchSpecToJson(spec);
  // The problem is built again, for limits of memory that the solved one does not show.
  return HashOf({"refine/7", MeterKey(spec, calibrate_output, execution), sensitivity_output,
                 solve_output, SolverFields(spec), absl::StrCat(spec.evaluations),
                 json["strategy"].dump(), json["objectives"].dump(),
                 absl::StrCat(spec.sensitivity.seed)});
}

std::string ValidateKey(const SearchSpec& spec, absl::string_view calibrate_output,
                        absl::string_view solve_output, absl::string_view refine_output,
                        absl::string_view machine) {
  return HashOf({"validate/5", NetworkIdentity(spec), spec.calibration,
                 absl::StrCat(spec.sensitivity.samples), spec.evaluation, spec.target,
                 absl::StrCat(spec.batch), absl::StrCat(spec.threads), calibrate_output,
                 solve_output, refine_output, machine});
}

std::string ExportKey(const SearchSpec& spec, absl::string_view solve_output,
                      absl::string_view refine_output, absl::string_view validate_output) {
  return HashOf({"export/7", spec.model, solve_output, refine_output, validate_output});
}

}  // namespace halftone
