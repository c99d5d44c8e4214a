#include "profilers/onednn/cpu_profiler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/inference_plan.h"
#include "profilers/onednn/cost_attribution.h"
#include "profilers/onednn/cpu_lease.h"
#include "profilers/onednn/measured_cache.h"
#include "profilers/onednn/plan_survey.h"
#include "profilers/onednn/processor_share.h"
#include "profilers/onednn/profiling_assignment.h"

namespace halftone {
namespace {

constexpr int64_t kMaxMeasuredTogetherBytes = int64_t{1} << 30;

bool IsBFloat16(const Precision& precision) {
  return precision.weights.kind == NumberFormat::Kind::kBFloat16 ||
         precision.activations.kind == NumberFormat::Kind::kBFloat16;
}

// A uniform plan's whole time is remembered under its steps.
std::string WholeKey(const SurveyedPlan& plan) {
  std::vector<std::string> keys;
  for (const PlanStep& step : plan.steps) keys.push_back(step.key);
  return absl::StrCat("whole ", Sha256Hex(absl::StrJoin(keys, "\n")));
}

// One Profile call.
class Profiling {
 public:
  Profiling(const ProfileRequest& request, const MeasurementOptions& options, CostCache* cache)
      : request_(request),
        options_(options),
        device_(DeviceFor(request)),
        cache_(cache, device_),
        plan_options_{/*exact_shortcuts=*/false, device_.threads} {}

  absl::StatusOr<CostTable> Run(const Progress& progress) {
    HT_ASSIGN_OR_RETURN(const ProfilingAssignment assignment,
                        ProfilingAssignment::Create(*request_.graph, *request_.layers));
    HT_ASSIGN_OR_RETURN(const PlanSurvey survey,
                        SurveyPlans(*request_.graph, *request_.layers, assignment,
                                    request_.precisions, plan_options_, progress.Part(0, 0.2)));
    std::set<std::string> missing = LoadKnown(survey);
    if (!missing.empty()) {
      HT_RETURN_IF_ERROR(Measure(assignment, survey, std::move(missing), progress.Part(0.2, 1)));
    }
    HT_RETURN_IF_ERROR(progress.Step(1, "measured"));
    return MakeTable(survey);
  }

 private:
  static CpuDevice DeviceFor(const ProfileRequest& request) {
    CpuDevice device = DescribeCpu();
    if (request.threads > 0) device.threads = request.threads;
    return device;
  }

  // Fills times_ from the cache; what is not there.
  std::set<std::string> LoadKnown(const PlanSurvey& survey) {
    std::set<std::string> wanted = survey.Keys();
    for (const SurveyedPlan& plan : survey.uniform) wanted.insert(WholeKey(plan));
    std::set<std::string> missing;
    for (const std::string& key : wanted) {
      const std::optional<MeasuredTime> known = request_.refresh ? std::nullopt : cache_.Load(key);
      if (known) {
        times_[key] = *known;
      } else {
        missing.insert(key);
      }
    }
    return missing;
  }

  absl::Status Measure(const ProfilingAssignment& assignment, const PlanSurvey& survey,
                       std::set<std::string> missing, const Progress& progress) {
    HT_RETURN_IF_ERROR(progress.Step(0, "waiting for other measurements to end"));
    HT_ASSIGN_OR_RETURN(const CpuLease lease, CpuLease::Acquire(progress.cancellation));
    HT_ASSIGN_OR_RETURN(auto cover, CoverKeys(*request_.graph, *request_.layers, assignment, survey,
                                              plan_options_, missing, progress.cancellation));
    for (const SurveyedPlan& plan : survey.uniform) {
      const bool covered = std::find(cover.begin(), cover.end(), plan.precisions) != cover.end();
      if (!covered && missing.count(WholeKey(plan)) > 0) cover.push_back(plan.precisions);
    }
    size_t done = 0;
    while (done < cover.size()) {
      const Progress part = progress.Part(static_cast<double>(done) / cover.size(), 1);
      HT_ASSIGN_OR_RETURN(const auto plans, MakePlans(assignment, cover, done, part));
      const double end = static_cast<double>(done + plans.size()) / cover.size();
      share_.Start();
      HT_RETURN_IF_ERROR(MeasureGroup(survey, cover, done, plans,
                                      progress.Part(static_cast<double>(done) / cover.size(), end),
                                      missing));
      share_.Stop();
      done += plans.size();
    }
    // What a busy machine gave is an answer with a warning, but nothing to remember.
    return IsDisturbed() ? absl::OkStatus() : StoreMeasured(missing);
  }

  // As many plans from `begin` on as fit into memory together.
  absl::StatusOr<std::vector<std::shared_ptr<const InferencePlan>>> MakePlans(
      const ProfilingAssignment& assignment, const std::vector<std::vector<Precision>>& cover,
      size_t begin, const Progress& progress) const {
    std::vector<std::shared_ptr<const InferencePlan>> plans;
    int64_t bytes = 0;
    for (size_t i = begin; i < cover.size() && bytes < kMaxMeasuredTogetherBytes; ++i) {
      HT_RETURN_IF_ERROR(progress.Step(0, absl::StrCat("preparing plan ", i + 1)));
      HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantized, assignment.Assign(cover[i]));
      HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(*request_.graph, *request_.layers,
                                                           quantized, plan_options_));
      bytes += plan->weight_bytes() + plan->arena_bytes();
      plans.push_back(std::move(plan));
    }
    return plans;
  }

  absl::Status MeasureGroup(const PlanSurvey& survey,
                            const std::vector<std::vector<Precision>>& cover, size_t begin,
                            const std::vector<std::shared_ptr<const InferencePlan>>& plans,
                            const Progress& progress, const std::set<std::string>& missing) {
    HT_ASSIGN_OR_RETURN(const std::vector<PlanTimes> measured,
                        MeasurePlans(*request_.graph, plans, options_, progress));
    const absl::Time now = RealClock().Now();
    for (size_t i = 0; i < plans.size(); ++i) {
      std::map<std::string, std::vector<MeasuredTime>> by_key;
      for (size_t step = 0; step < plans[i]->steps().size(); ++step) {
        by_key[plans[i]->steps()[step].key].push_back(measured[i].steps[step]);
      }
      for (const auto& [key, times] : by_key) {
        // The first plan that has a key tells its time: uniform plans come first.
        if (missing.count(key) == 0 || times_.count(key) > 0) continue;
        times_[key] = Average(times);
        times_[key].when = now;
      }
      for (const SurveyedPlan& uniform : survey.uniform) {
        if (uniform.precisions != cover[begin + i]) continue;
        MeasuredTime& whole = times_[WholeKey(uniform)] = measured[i].whole;
        whole.when = now;
      }
    }
    return absl::OkStatus();
  }

  // A key that occurs several times in a plan costs the mean of its places, so that the plan's sum
  // is kept.
  static MeasuredTime Average(const std::vector<MeasuredTime>& times) {
    MeasuredTime mean;
    for (const MeasuredTime& time : times) {
      mean.latency_ns += time.latency_ns / static_cast<double>(times.size());
      mean.mad_ns += time.mad_ns / static_cast<double>(times.size());
    }
    return mean;
  }

  bool IsDisturbed() const { return share_.Of(device_.threads) < options_.least_processor_share; }

  absl::Status StoreMeasured(const std::set<std::string>& missing) const {
    for (const std::string& key : missing) {
      const auto it = times_.find(key);
      if (it != times_.end()) HT_RETURN_IF_ERROR(cache_.Store(key, it->second));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<CostTable> MakeTable(const PlanSurvey& survey) const {
    const CostAttribution costs(*request_.graph, *request_.layers, survey, times_);
    CostTable table;
    table.target = "cpu";
    table.device = {device_.name, device_.isa, device_.library, device_.threads};
    table.batch = request_.batch;
    table.fixed_latency_ns = costs.fixed_latency_ns();
    for (const Precision& precision : request_.precisions) {
      const size_t own = survey.class_of.at(precision);
      for (size_t layer = 0; layer < request_.layers->layers.size(); ++layer) {
        table.rows.push_back(MakeRow(survey.uniform[own], costs.Row(layer, own), layer, precision));
      }
      const SurveyedPlan& uniform = survey.uniform[own];
      table.network.push_back(
          {precision, costs.Total(uniform.steps), times_.at(WholeKey(uniform)).latency_ns});
    }
    AddEdges(survey, costs, table);
    return table;
  }

  CostRow MakeRow(const SurveyedPlan& plan, const MeasuredTime& time, size_t index,
                  const Precision& precision) const {
    const Layer& layer = request_.layers->layers[index];
    CostRow row;
    row.layer = layer.name;
    row.precision = precision;
    row.latency_ns = time.latency_ns;
    row.mad_ns = time.mad_ns;
    row.weight_bytes = LayerWeightBytes(layer, precision);
    row.provenance = Provenance::kMeasured;
    row.origin = {device_.name, FormatUtc(time.when),
                  absl::StrCat(device_.library, ", ", device_.isa, ", ", device_.threads,
                               device_.threads == 1 ? " thread" : " threads")};
    for (const PlanStep& step : plan.steps) {
      if (step.kind == PlanStep::Kind::kLayer && step.name == layer.name) {
        row.executed_as = step.executed_as;
        row.implementation = step.implementation;
      }
    }
    if (absl::StrContains(row.implementation, "ref")) {
      row.warning = "a reference implementation ran: no optimized kernel for this case";
    } else if (IsDisturbed()) {
      row.warning = absl::StrFormat(
          "the machine was busy: measured with %.0f %% of %d processors; measure again",
          100 * share_.Of(device_.threads), device_.threads);
    }
    return row;
  }

  void AddEdges(const PlanSurvey& survey, const CostAttribution& costs, CostTable& table) const {
    const std::vector<Layer>& layers = request_.layers->layers;
    for (const CostAttribution::Edge& edge : costs.Edges()) {
      for (const Precision& from : request_.precisions) {
        if (survey.class_of.at(from) != edge.from_class) continue;
        for (const Precision& to : request_.precisions) {
          if (from == to || survey.class_of.at(to) != edge.to_class) continue;
          EdgeRow row;
          row.from = layers[edge.from].name;
          row.to = layers[edge.to].name;
          row.from_precision = from;
          row.to_precision = to;
          row.latency_ns = edge.latency_ns;
          table.edges.push_back(std::move(row));
        }
      }
    }
  }

  const ProfileRequest& request_;
  const MeasurementOptions& options_;
  const CpuDevice device_;
  const MeasuredCache cache_;
  const PlanOptions plan_options_;
  std::map<std::string, MeasuredTime> times_;
  ProcessorShare share_;
};

class CpuProfiler final : public CostProfiler {
 public:
  CpuProfiler(CostCache* cache, const MeasurementOptions& options)
      : cache_(cache), options_(options) {}

  std::string target() const override { return "cpu"; }

  DeviceInfo Describe() const override {
    const CpuDevice device = DescribeCpu();
    return {device.name, device.isa, device.library, device.threads};
  }

  bool Supports(const Precision& precision) const override {
    if (!IsBFloat16(precision)) return true;
    Layer layer;
    layer.weights = "weights";
    return IsBFloat16(ExecutedAs(layer, precision));
  }

  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    HT_RETURN_IF_ERROR(Check(request));
    return Profiling(request, options_, cache_).Run(progress);
  }

 private:
  absl::Status Check(const ProfileRequest& request) const {
    if (request.graph == nullptr || request.layers == nullptr || request.precisions.empty()) {
      return absl::InvalidArgumentError("a profile needs a network and at least one precision");
    }
    if (request.layers->layers.empty()) {
      return absl::FailedPreconditionError("the network has no quantizable layer");
    }
    for (const Precision& precision : request.precisions) {
      if (!Supports(precision)) {
        return absl::UnimplementedError(
            absl::StrCat("target 'cpu' does not run ", precision.ToString()));
      }
    }
    return absl::OkStatus();
  }

  CostCache* cache_;
  MeasurementOptions options_;
};

}  // namespace

std::unique_ptr<CostProfiler> MakeCpuProfiler(CostCache* cache) {
  return MakeCpuProfiler(cache, MeasurementOptions());
}

std::unique_ptr<CostProfiler> MakeCpuProfiler(CostCache* cache, const MeasurementOptions& options) {
  return std::make_unique<CpuProfiler>(cache, options);
}

}  // namespace halftone
