#ifndef HALFTONE_SEARCH_OFFER_H_
#define HALFTONE_SEARCH_OFFER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"
#include "profilers/cost_profiler.h"
#include "search/network_summary.h"
#include "search/search_spec.h"

namespace halftone {

// Which precisions a search offers on a target, and which it has to profile (the reference too);
// and where networks run: of the target's NetworkRunner, or "".
struct Offer {
  std::vector<Precision> offered;
  std::vector<Precision> profiled;
  Precision reference;
  std::string machine;
};
nlohmann::json OfferToJson(const Offer& offer);
absl::StatusOr<Offer> OfferFromJson(const nlohmann::json& json);
// As it is stored.
std::string OfferToBytes(const Offer& offer);
absl::StatusOr<Offer> OfferFromBytes(absl::string_view bytes);

// What a search chooses from on a target: the precisions of the spec, or those of a default list
// that the target supports. INVALID_ARGUMENT names a precision that it does not run, or that is
// there twice, and a target that runs none of the default ones.
absl::StatusOr<Offer> MakeOffer(const SearchSpec& spec, const CostProfiler& profiler);

// Of a target that is a table: whether it knows all layers and what is profiled, before anything is
// measured. As CostProfiler::CheckRequest.
absl::Status CheckHasCosts(const CostProfiler& profiler, const NetworkSummary& network,
                           const Offer& offer, const SearchSpec& spec);

// Some of what a target runs, or all of it where that is a few: "it runs f32, w8a8 and others".
std::string RunsText(const CostProfiler& profiler);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_OFFER_H_
