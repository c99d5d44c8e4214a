#include "server/services/new_search.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "base/thread_limit.h"
#include "profilers/design_space.h"
#include "search/codesign_run.h"
#include "search/network_summary.h"
#include "search/offer.h"
#include "search/spec_check.h"
#include "search/stage_keys.h"
#include "search/stage_outputs.h"
#include "server/convert/resource_name.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

// What a call looks into for the names of its layers, and how many names it looks for there: some
// tenths of a second.
constexpr int64_t kMaxModelBytes = int64_t{128} << 20;
constexpr size_t kMaxNames = 1000;

absl::Status CheckPrecisions(const SearchSpec& spec, const std::string& target,
                             const CostProfiler& profiler) {
  for (size_t i = 0; i < spec.precisions.size(); ++i) {
    if (profiler.Supports(spec.precisions[i])) continue;
    return AtField(absl::StrCat("precisions[", i, "]"),
                   WithReason(v1::PRECISION_INVALID,
                              absl::InvalidArgumentError(absl::StrCat(
                                  "target ", Quoted(target), " cannot run '",
                                  spec.precisions[i].ToString(), "': ", RunsText(profiler)))));
  }
  return absl::OkStatus();
}

// Of a design space, every configuration must run the precisions.
absl::StatusOr<Offer> OfferOfDesigns(const ServiceContext& context, const SearchSpec& spec) {
  const ProfilerFactory create = [&](const std::string& target) {
    return context.CreateProfiler(FieldEntry("", target), target);
  };
  const absl::StatusOr<DesignSpace> space =
      WithReason(v1::TARGET_INVALID, DesignSpace::Parse(spec.target));
  if (!space.ok()) return AtField("target", space.status());
  absl::StatusOr<std::vector<DesignPoint>> points =
      WithReason(v1::TARGET_INVALID, EnumerateDesigns(*space, create));
  if (!points.ok()) return AtField("target", points.status());
  for (const DesignPoint& point : *points) {
    HT_RETURN_IF_ERROR(CheckPrecisions(spec, point.target, *point.profiler));
  }
  HT_RETURN_IF_ERROR(
      CheckMetrics(spec, points->empty() ? nullptr : points->front().profiler.get()));
  const absl::StatusOr<std::unique_ptr<CodesignRun>> run =
      CodesignRun::Create(spec, *space, *std::move(points), *context.profilers);
  if (!run.ok()) return AtField("target", WithReason(v1::TARGET_INVALID, run.status()));
  return (*run)->offer();
}

// What the search would choose from: the target that the spec names exists, runs the precisions,
// and has costs in the metrics that are asked for.
absl::StatusOr<Offer> OfferOf(const ServiceContext& context, const SearchSpec& spec) {
  if (DesignSpace::Describes(spec.target)) return OfferOfDesigns(context, spec);
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<CostProfiler> profiler,
                      context.CreateProfiler("target", spec.target));
  HT_RETURN_IF_ERROR(CheckPrecisions(spec, spec.target, *profiler));
  HT_RETURN_IF_ERROR(CheckMetrics(spec, profiler.get()));
  absl::StatusOr<Offer> offer = WithReason(v1::PRECISION_INVALID, MakeOffer(spec, *profiler));
  if (!offer.ok()) return AtField("precisions", offer.status());
  return offer;
}

absl::Status CheckStrategy(const SearchSpec& spec) {
  if (spec.objectives.empty() || spec.strategy == SearchStrategy::kEvolutionary) {
    return absl::OkStatus();
  }
  return AtField("objectives",
                 absl::InvalidArgumentError(absl::StrCat(
                     "the strategy '", SearchStrategyName(spec.strategy), "' has none; '",
                     SearchStrategyName(SearchStrategy::kEvolutionary), "' has")));
}

size_t NamesOfLayers(const SearchSpec& spec) {
  const LayerRules& rules = spec.rules;
  size_t names = spec.pins.size() + rules.allowed.size() + rules.loss_factors.size();
  for (const std::vector<std::string>& group : rules.groups) names += group.size();
  return names + (rules.first_layer.empty() ? 0 : 1) + (rules.last_layer.empty() ? 0 : 1);
}

// The network's layers and ties; nothing where it would take long to find them out, and of a
// network that cannot be prepared, of which the job says why.
absl::StatusOr<std::optional<NetworkSummary>> LayersOf(const ServiceContext& context,
                                                       const SearchSpec& spec) {
  const absl::StatusOr<std::string> known =
      context.catalog->LoadStage(Stage::kImport, ImportKey(spec));
  if (known.ok()) {
    absl::StatusOr<NetworkSummary> summary = NetworkSummaryFromBytes(*known);
    if (summary.ok()) return *std::move(summary);
  }
  HT_ASSIGN_OR_RETURN(const ContentRecord model,
                      context.catalog->Find(ContentKind::kModel, spec.model));
  if (model.size_bytes > kMaxModelBytes) return std::nullopt;
  const absl::StatusOr<PreparedNetwork> network = context.LoadNetwork(
      "model", ModelName(spec.model), v1::InputBinding(), spec.heads, /*data=*/nullptr);
  if (!network.ok()) return std::nullopt;
  return SummarizeLayers(*network);
}

}  // namespace

absl::Status CheckUploads(const ServiceContext& context, const std::string& model,
                          const std::string& calibration, const std::string& evaluation) {
  HT_RETURN_IF_ERROR(context.CheckUploaded("model", ContentKind::kModel, model));
  HT_RETURN_IF_ERROR(
      context.CheckUploaded("calibration_dataset", ContentKind::kDataset, calibration));
  if (evaluation.empty()) return absl::OkStatus();
  return context.CheckUploaded("evaluation_dataset", ContentKind::kDataset, evaluation);
}

absl::Status CheckRunsNetworks(const ServiceContext& context, const std::string& target) {
  if (target.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<CostProfiler> profiler,
                      context.CreateProfiler("target", target));
  return AtField("target", WithReason(v1::TARGET_INVALID, RunnerOf(*profiler).status()));
}

absl::Status CheckNewSearch(const ServiceContext& context, const SearchSpec& spec) {
  HT_RETURN_IF_ERROR(CheckUploads(context, spec.model, spec.calibration, spec.evaluation));
  HT_ASSIGN_OR_RETURN(const Offer offer, OfferOf(context, spec));
  HT_RETURN_IF_ERROR(CheckStrategy(spec));
  if (!context.IsElsewhere(spec.target)) {
    HT_RETURN_IF_ERROR(AtField("threads", CheckThreads(spec.threads)));
  }
  const size_t names = NamesOfLayers(spec);
  if (names == 0 || names > kMaxNames) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::optional<NetworkSummary> network, LayersOf(context, spec));
  if (!network.has_value()) return absl::OkStatus();
  return CheckChoices(spec, *network, offer.offered);
}

}  // namespace halftone
