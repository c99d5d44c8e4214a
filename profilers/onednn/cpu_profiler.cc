#include "profilers/onednn/cpu_profiler.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/inference_plan.h"
#include "profilers/onednn/cpu_lease.h"
#include "profilers/onednn/cpu_runner.h"
#include "profilers/onednn/cpu_table.h"
#include "profilers/onednn/disturbance.h"
#include "profilers/onednn/measured_cache.h"
#include "profilers/onednn/plan_survey.h"
#include "profilers/onednn/plan_timing.h"
#include "profilers/onednn/profiling_assignment.h"

namespace halftone {
namespace {

bool IsBFloat16(const Precision& precision) {
  return precision.weights.kind == NumberFormat::Kind::kBFloat16 ||
         precision.activations.kind == NumberFormat::Kind::kBFloat16;
}

// Of the random assignments that are run to hold predictions against; others than the survey's.
constexpr uint32_t kMixSeed = 2;
constexpr size_t kMaxAssignments = 1000;

// One Profile call.
class Profiling {
 public:
  Profiling(const ProfileRequest& request, const MeasurementOptions& options, CostCache* cache)
      : request_(request),
        options_(OptionsFor(request, options)),
        device_(DeviceFor(request)),
        cache_(cache, device_, request.cold_caches),
        plan_options_{.threads = device_.threads},
        disturbance_(options_, device_.threads) {}

  absl::StatusOr<CostTable> Run(const Progress& progress) {
    HT_RETURN_IF_ERROR(CheckPlanMemory(*request_.graph, request_.batch, /*plans=*/1));
    HT_ASSIGN_OR_RETURN(const ProfilingAssignment assignment,
                        ProfilingAssignment::Create(*request_.graph, *request_.layers));
    HT_ASSIGN_OR_RETURN(const PlanSurvey survey,
                        SurveyPlans(*request_.graph, *request_.layers, assignment,
                                    request_.precisions, plan_options_, progress.Part(0, 0.2)));
    const std::set<std::string> missing = LoadKnown(survey);
    const std::vector<std::vector<Precision>> asked = AssignmentsToRun();
    std::vector<std::vector<Precision>> plans = PlansToRun(survey, missing);
    const size_t profiled = plans.size();
    plans.insert(plans.end(), asked.begin(), asked.end());
    std::vector<TimedPlan> timed;
    if (!plans.empty()) {
      HT_ASSIGN_OR_RETURN(timed, Measure(assignment, plans, progress.Part(0.2, 1)));
    }
    const absl::Span<const TimedPlan> all(timed);
    TakeTimes(survey, missing, {plans.data(), profiled}, all.first(profiled));
    // What a busy machine gave is an answer with a warning, but nothing to remember.
    if (!disturbance_.IsDisturbed()) HT_RETURN_IF_ERROR(StoreMeasured(missing));
    HT_RETURN_IF_ERROR(progress.Step(1, "measured"));
    CostTable table = MakeCpuTable(request_, device_, survey, times_, Warning());
    AddAssignments(asked, all.subspan(profiled), table);
    return table;
  }

 private:
  static CpuDevice DeviceFor(const ProfileRequest& request) {
    CpuDevice device = DescribeCpu();
    if (request.threads > 0) device.threads = request.threads;
    return device;
  }

  static MeasurementOptions OptionsFor(const ProfileRequest& request, MeasurementOptions options) {
    options.cold_caches = request.cold_caches;
    return options;
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

  static std::vector<std::vector<Precision>> PlansToRun(const PlanSurvey& survey,
                                                        const std::set<std::string>& missing) {
    std::vector<std::vector<Precision>> plans = CoverKeys(survey, missing);
    for (const SurveyedPlan& plan : survey.uniform) {
      const bool covered = std::find(plans.begin(), plans.end(), plan.precisions) != plans.end();
      if (!covered && missing.count(WholeKey(plan)) > 0) plans.push_back(plan.precisions);
    }
    return plans;
  }

  // The assignments of the request, every layer's precision in the set's order.
  std::vector<std::vector<Precision>> AssignmentsToRun() const {
    const std::vector<Layer>& layers = request_.layers->layers;
    std::vector<std::vector<Precision>> assignments;
    for (const auto& asked : request_.assignments) {
      std::vector<Precision>& precisions = assignments.emplace_back();
      for (const Layer& layer : layers) {
        const auto found = asked.find(layer.name);
        precisions.push_back(found == asked.end() ? Precision::Float32() : found->second);
      }
    }
    std::mt19937 random(kMixSeed);
    for (int i = 0; i < request_.mixes; ++i) {
      std::vector<Precision>& precisions = assignments.emplace_back();
      for (size_t layer = 0; layer < layers.size(); ++layer) {
        precisions.push_back(request_.precisions[random() % request_.precisions.size()]);
      }
    }
    return assignments;
  }

  absl::StatusOr<std::vector<TimedPlan>> Measure(const ProfilingAssignment& assignment,
                                                 absl::Span<const std::vector<Precision>> plans,
                                                 const Progress& progress) {
    HT_RETURN_IF_ERROR(progress.Step(0, "waiting for other measurements to end"));
    HT_ASSIGN_OR_RETURN(const CpuLease lease, CpuLease::Acquire(progress.cancellation));
    const TimingContext context{*request_.graph, *request_.layers, assignment, plan_options_,
                                options_};
    disturbance_.Start();
    HT_ASSIGN_OR_RETURN(std::vector<TimedPlan> timed, TimeAssignments(context, plans, progress));
    disturbance_.Stop();
    for (const TimedPlan& plan : timed) disturbance_.See(plan.times);
    return timed;
  }

  // A key costs the mean of all places in all plans of its kind where it ran: of the states in
  // which networks leave the caches to it.
  void TakeTimes(const PlanSurvey& survey, const std::set<std::string>& missing,
                 absl::Span<const std::vector<Precision>> plans,
                 absl::Span<const TimedPlan> timed) {
    const absl::Time now = RealClock().Now();
    std::map<std::string, std::vector<MeasuredTime>> by_key;
    for (size_t i = 0; i < timed.size(); ++i) {
      const SurveyedPlan* uniform = FindUniform(survey, plans[i]);
      for (size_t step = 0; step < timed[i].keys.size(); ++step) {
        const std::string& key = timed[i].keys[step];
        by_key[uniform == nullptr ? key : UniformKey(key)].push_back(timed[i].times.steps[step]);
      }
      if (uniform != nullptr) by_key[WholeKey(*uniform)] = {timed[i].times.whole};
    }
    for (const auto& [key, times] : by_key) {
      if (missing.count(key) == 0) continue;
      times_[key] = Average(times);
      times_[key].when = now;
    }
  }

  // Null if the precisions differ.
  static const SurveyedPlan* FindUniform(const PlanSurvey& survey,
                                         const std::vector<Precision>& precisions) {
    const auto found =
        std::find_if(survey.uniform.begin(), survey.uniform.end(),
                     [&](const SurveyedPlan& plan) { return plan.precisions == precisions; });
    return found == survey.uniform.end() ? nullptr : &*found;
  }

  static MeasuredTime Average(const std::vector<MeasuredTime>& times) {
    MeasuredTime mean;
    for (const MeasuredTime& time : times) {
      mean.latency_ns += time.latency_ns / static_cast<double>(times.size());
      mean.mad_ns += time.mad_ns / static_cast<double>(times.size());
    }
    return mean;
  }

  std::string Warning() const {
    if (!disturbance_.IsDisturbed()) return "";
    return absl::StrCat(disturbance_.Warning(), kMeasuredAgain);
  }

  absl::Status StoreMeasured(const std::set<std::string>& missing) const {
    for (const std::string& key : missing) {
      const auto it = times_.find(key);
      if (it != times_.end()) HT_RETURN_IF_ERROR(cache_.Store(key, it->second));
    }
    return absl::OkStatus();
  }

  void AddAssignments(absl::Span<const std::vector<Precision>> asked,
                      absl::Span<const TimedPlan> timed, CostTable& table) const {
    for (size_t i = 0; i < asked.size(); ++i) {
      AssignmentCost& cost = table.assignments.emplace_back();
      for (size_t layer = 0; layer < asked[i].size(); ++layer) {
        cost.assignment[request_.layers->layers[layer].name] = asked[i][layer];
      }
      cost.measured_ns = timed[i].times.whole.latency_ns;
    }
    for (AssignmentCost& cost : table.assignments) {
      cost.predicted_ns = table.PredictLatency(cost.assignment);
    }
  }

  const ProfileRequest& request_;
  const MeasurementOptions options_;
  const CpuDevice device_;
  const MeasuredCache cache_;
  const PlanOptions plan_options_;
  std::map<std::string, MeasuredTime> times_;
  Disturbance disturbance_;
};

class CpuProfiler final : public CostProfiler {
 public:
  CpuProfiler(CostCache* cache, const MeasurementOptions& options)
      : cache_(cache), options_(options) {}

  std::string target() const override { return "cpu"; }

  DeviceInfo Describe() const override {
    const CpuDevice device = DescribeCpu();
    return {device.name, device.isa, device.library, device.threads, device.frequency_mhz};
  }

  bool Supports(const Precision& precision) const override {
    return !IsBFloat16(precision) || IsBFloat16(RunsAs(precision));
  }

  // Few bits are executed as 8: worth offering are those alone that save memory at no loss of
  // speed, and where the sums of 8-bit weights would not be exact in bytes, those of 7 bits.
  std::vector<Precision> OfferedByDefault() const override {
    const auto bf16 = NumberFormat{NumberFormat::Kind::kBFloat16, 16};
    const Precision bytes = Precision::Int(8, 8);
    std::vector<Precision> offered = {Precision::Float32()};
    if (const Precision precision{bf16, bf16}; Supports(precision)) offered.push_back(precision);
    offered.push_back(bytes);
    if (RunsAs(bytes) != bytes) offered.push_back(Precision::Int(7, 8));
    offered.push_back(Precision::Int(4, 8));
    return offered;
  }

  bool EmptiesCaches() const override { return true; }
  bool RunsAssignments() const override { return true; }
  bool TellsEnergy() const override { return false; }
  std::unique_ptr<NetworkRunner> Runner() const override { return MakeCpuRunner(); }

  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    HT_RETURN_IF_ERROR(Check(request));
    return Profiling(request, options_, cache_).Run(progress);
  }

 private:
  // The kernels of most layers with weights.
  static Precision RunsAs(const Precision& precision) {
    Layer layer;
    layer.weights = "weights";
    return ExecutedAs(layer, precision);
  }

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
    HT_RETURN_IF_ERROR(CheckAssignments(request));
    return absl::OkStatus();
  }

  absl::Status CheckAssignments(const ProfileRequest& request) const {
    const size_t wanted = request.assignments.size() + static_cast<size_t>(request.mixes);
    if (request.mixes < 0 || wanted > kMaxAssignments) {
      return absl::InvalidArgumentError(
          absl::StrCat("between 0 and ", kMaxAssignments, " assignments can be run, not ", wanted));
    }
    for (const auto& assignment : request.assignments) {
      for (const auto& [layer, precision] : assignment) {
        if (request.layers->Find(layer) == nullptr) {
          return absl::InvalidArgumentError(absl::StrCat("no layer '", layer, "' in the network"));
        }
        if (std::find(request.precisions.begin(), request.precisions.end(), precision) ==
            request.precisions.end()) {
          return absl::InvalidArgumentError(
              absl::StrCat("layer '", layer, "' is assigned ", precision.ToString(),
                           ", which is not among the precisions of the profile"));
        }
      }
      if (assignment.size() < request.layers->layers.size() && !HasFloat32(request)) {
        return absl::InvalidArgumentError(
            "the assignment leaves out layers, which then are f32, and the profile has no f32");
      }
    }
    return absl::OkStatus();
  }

  static bool HasFloat32(const ProfileRequest& request) {
    return std::find(request.precisions.begin(), request.precisions.end(), Precision::Float32()) !=
           request.precisions.end();
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
