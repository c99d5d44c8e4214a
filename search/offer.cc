#include "search/offer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/problem_builder.h"
#include "search/stage_outputs.h"

namespace halftone {
namespace {

using nlohmann::json;

json Names(const std::vector<Precision>& precisions) {
  json names = json::array();
  for (const Precision& precision : precisions) names.push_back(precision.ToString());
  return names;
}

void ReadPrecisions(JsonFields& fields, absl::string_view field,
                    std::vector<Precision>* precisions) {
  fields.ReadEach(field, [&](const json& element) -> absl::Status {
    if (!element.is_string()) return absl::InvalidArgumentError("must hold strings");
    HT_ASSIGN_OR_RETURN(const Precision precision, Precision::Parse(element.get<std::string>()));
    precisions->push_back(precision);
    return absl::OkStatus();
  });
}

std::vector<Precision> DefaultPrecisions() {
  const auto bf16 = NumberFormat{NumberFormat::Kind::kBFloat16, 16};
  return {Precision::Float32(), {bf16, bf16},         Precision::Int(16, 16),
          Precision::Int(8, 8), Precision::Int(8, 4), Precision::Int(4, 8),
          Precision::Int(4, 4), Precision::Int(2, 4), Precision::Int(2, 2)};
}

std::string Join(const std::vector<Precision>& precisions) {
  return absl::StrJoin(precisions, ", ", [](std::string* out, const Precision& precision) {
    out->append(precision.ToString());
  });
}

// Those that the target offers, or of the few that it knows, or of the default ones those that it
// runs.
std::vector<Precision> DefaultsOn(const CostProfiler& profiler) {
  std::vector<Precision> offered = profiler.OfferedByDefault();
  if (!offered.empty()) return offered;
  const std::vector<Precision> known = profiler.Precisions();
  for (const Precision& precision : known.empty() ? DefaultPrecisions() : known) {
    if (profiler.Supports(precision)) offered.push_back(precision);
  }
  return offered;
}

}  // namespace

std::string RunsText(const CostProfiler& profiler) {
  const std::vector<Precision> defaults = DefaultsOn(profiler);
  if (defaults.empty()) return "it runs none of the default ones";
  return absl::StrCat("it runs ", Join(defaults),
                      profiler.Precisions().empty() ? " and others" : "");
}

absl::StatusOr<Offer> MakeOffer(const SearchSpec& spec, const CostProfiler& profiler) {
  Offer offer;
  for (const Precision& precision : spec.precisions) {
    if (!profiler.Supports(precision)) {
      return absl::InvalidArgumentError(absl::StrCat("target '", spec.target, "' does not run ",
                                                     precision.ToString(), "; ",
                                                     RunsText(profiler)));
    }
    if (std::find(offer.offered.begin(), offer.offered.end(), precision) != offer.offered.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("precision ", precision.ToString(), " is offered twice"));
    }
    offer.offered.push_back(precision);
  }
  if (offer.offered.empty()) offer.offered = DefaultsOn(profiler);
  if (offer.offered.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("target '", spec.target, "' runs none of the default precisions: name some"));
  }
  offer.reference = ChooseReference(profiler.Supports(Precision::Float32()), offer.offered);
  if (const auto runner = profiler.Runner(); runner != nullptr) offer.machine = runner->Machine();
  offer.profiled = offer.offered;
  if (std::find(offer.offered.begin(), offer.offered.end(), offer.reference) ==
      offer.offered.end()) {
    offer.profiled.push_back(offer.reference);
  }
  return offer;
}

json OfferToJson(const Offer& offer) {
  json object = {{"offered", Names(offer.offered)},
                 {"profiled", Names(offer.profiled)},
                 {"reference", offer.reference.ToString()}};
  if (!offer.machine.empty()) object["machine"] = offer.machine;
  return object;
}

absl::StatusOr<Offer> OfferFromJson(const json& document) {
  Offer offer;
  JsonFields fields(document, "offer");
  ReadPrecisions(fields, "offered", &offer.offered);
  ReadPrecisions(fields, "profiled", &offer.profiled);
  fields.ReadParsed("reference", &offer.reference);
  fields.Read("machine", &offer.machine);
  HT_RETURN_IF_ERROR(fields.status());
  return offer;
}

std::string OfferToBytes(const Offer& offer) { return OfferToJson(offer).dump(); }

absl::StatusOr<Offer> OfferFromBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const json document, ParseStored(bytes, "list of precisions"));
  return OfferFromJson(document);
}

absl::Status CheckHasCosts(const CostProfiler& profiler, const NetworkSummary& network,
                           const Offer& offer, const SearchSpec& spec) {
  LayerSet layers;
  for (const NetworkSummary::LayerFacts& facts : network.layers) {
    layers.layers.emplace_back().name = facts.name;
  }
  ProfileRequest request;
  request.layers = &layers;
  request.precisions = offer.profiled;
  request.batch = network.fixed_batch > 0 ? static_cast<int>(network.fixed_batch) : spec.batch;
  return profiler.CheckRequest(request);
}

}  // namespace halftone
