#include "search/sensitivity/single_layer.h"

#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/cut_program.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/non_finite.h"

namespace halftone {
namespace {

constexpr char kReference[] = "halftone:reference/";

std::string ChangedOutput(size_t index, size_t head) {
  return absl::StrCat("halftone:changed/", index, "/", head);
}

// Zero where the layer's changed result is finite throughout: what follows may hide that it is not
// (the maximum of NaN and 0 can be 0).
std::string FiniteOutput(size_t index) { return absl::StrCat("halftone:finite/", index); }

// The outputs of a finished run, sample by sample.
class RunOutputs {
 public:
  RunOutputs(const BatchRunner& runner, const std::vector<Head>& heads)
      : runner_(runner), heads_(heads) {}

  // All values of head `h`, by the name that `name_of` gives it.
  template <typename NameOf>
  absl::StatusOr<std::vector<absl::Span<const float>>> Read(NameOf name_of) const {
    std::vector<absl::Span<const float>> values;
    for (size_t h = 0; h < heads_.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> output, runner_.Output(name_of(h)));
      values.push_back(output);
    }
    return values;
  }

  std::vector<absl::Span<const float>> SampleOf(const std::vector<absl::Span<const float>>& values,
                                                int64_t sample) const {
    std::vector<absl::Span<const float>> rows;
    for (size_t h = 0; h < heads_.size(); ++h) {
      const auto size = static_cast<size_t>(heads_[h].elements());
      rows.push_back(values[h].subspan(static_cast<size_t>(sample) * size, size));
    }
    return rows;
  }

 private:
  const BatchRunner& runner_;
  const std::vector<Head>& heads_;
};

bool IsFinite(const std::vector<absl::Span<const float>>& rows) {
  for (const absl::Span<const float> row : rows) {
    for (const float value : row) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<SingleLayerMeter> SingleLayerMeter::Create(const ChoiceRequest& request) {
  SingleLayerMeter meter(request);
  HT_ASSIGN_OR_RETURN(const Graph graph, request.network.Bind(request.network.BatchFor(1, 1)));
  HT_RETURN_IF_ERROR(CheckData(request.network, graph, request.data, /*needs_labels=*/false));
  HT_ASSIGN_OR_RETURN(meter.heads_, ResolveHeads(request.network, graph, request.options.loss));
  return meter;
}

absl::StatusOr<Program> SingleLayerMeter::Build(size_t layer, absl::Span<const size_t> choices,
                                                const Graph& graph, const NetworkCut* cut,
                                                bool with_reference) const {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  std::vector<ValueId> targets, output_values;
  std::vector<std::string> names;
  const auto add_output = [&](std::string name, ValueId value) {
    names.push_back(std::move(name));
    output_values.push_back(value);
  };
  for (size_t h = 0; h < heads_.size(); ++h) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, heads_[h].value));
    targets.push_back(value);
    if (with_reference) add_output(absl::StrCat(kReference, h), value);
  }
  const Layer& changed_layer = request_.layers()[layer];
  HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered, changed_layer.dst));
  SourceQuantizer quantizer;
  HT_ASSIGN_OR_RETURN(const LayerSite site, FindSite(lowered, graph, changed_layer, quantizer));
  for (size_t i = 0; i < choices.size(); ++i) {
    const Choice& choice = *request_.choices[layer][choices[i]];
    HT_ASSIGN_OR_RETURN(const ValueId changed, choice.AppendTo(site));
    std::vector<Replacement> replaced = {{dst, changed}};
    for (const RoundedOperand& shortcut : choice.shortcuts()) {
      HT_ASSIGN_OR_RETURN(const ShortcutSite place, FindShortcut(lowered, graph, shortcut));
      HT_ASSIGN_OR_RETURN(const ValueId rounded, choice.AppendShortcutTo(lowered.builder, quantizer,
                                                                         shortcut, place.value));
      replaced.push_back({place.value, rounded, place.sum});
    }
    HT_ASSIGN_OR_RETURN(const std::vector<ValueId> values,
                        ReplayWith(lowered.builder, replaced, targets));
    HT_ASSIGN_OR_RETURN(const ValueId nothing, ops::Sub(lowered.builder, changed, changed));
    HT_ASSIGN_OR_RETURN(const ValueId finite, ops::SumAll(lowered.builder, nothing));
    add_output(FiniteOutput(i), finite);
    for (size_t h = 0; h < values.size(); ++h) add_output(ChangedOutput(i, h), values[h]);
  }
  if (cut != nullptr) {
    HT_ASSIGN_OR_RETURN(output_values, ReadFromCut(lowered, *cut, output_values));
  }
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (size_t i = 0; i < names.size(); ++i) outputs.emplace_back(names[i], output_values[i]);
  return lowered.builder.Build(outputs);
}

absl::StatusOr<SingleLayerMeter::Compiled> SingleLayerMeter::CompileAlone(
    size_t layer, absl::Span<const size_t> choices) const {
  HT_ASSIGN_OR_RETURN(
      const FittedProgram fitted, FitBatch(request_, [&](int64_t batch) -> absl::StatusOr<Program> {
        HT_ASSIGN_OR_RETURN(const Graph graph, request_.network.Bind(batch));
        return Build(layer, choices, graph, /*cut=*/nullptr, /*with_reference=*/true);
      }));
  return Compiled{fitted.batch, fitted.executable, /*has_prefix=*/false};
}

// The first layer that is asked for, as a rule the one with most after it, says which batch fits.
absl::StatusOr<SingleLayerMeter::Compiled> SingleLayerMeter::Compile(
    size_t layer, absl::Span<const size_t> choices, const Progress& progress) {
  if (prefix_ == nullptr) {
    HT_ASSIGN_OR_RETURN(const Compiled alone, CompileAlone(layer, choices));
    HT_ASSIGN_OR_RETURN(prefix_, FloatPrefix::Create(request_.network, request_.data, alone.batch,
                                                     heads_, request_.kept_bytes, progress));
  }
  HT_RETURN_IF_ERROR(prefix_->MoveTo(request_.layers()[layer].name, progress));
  HT_ASSIGN_OR_RETURN(Program program, Build(layer, choices, prefix_->graph(), prefix_->cut(),
                                             /*with_reference=*/!prefix_->KeepsOutputs()));
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(std::move(program)));
  const bool is_fixed = request_.network.graph.fixed_batch().has_value();
  if (!FitsBounds(*executable) && prefix_->batch() > 1 && !is_fixed) {
    return CompileAlone(layer, choices);
  }
  return Compiled{prefix_->batch(), std::move(executable), /*has_prefix=*/true};
}

absl::Status SingleLayerMeter::Run(size_t layer, absl::Span<const size_t> choices,
                                   const Visit& visit, const Progress& progress) {
  HT_RETURN_IF_ERROR(progress.Step(0));
  HT_ASSIGN_OR_RETURN(const Compiled compiled,
                      Compile(layer, choices, Progress{nullptr, progress.cancellation}));
  HT_ASSIGN_OR_RETURN(auto runner,
                      BatchRunner::Create(compiled.executable, request_.data, compiled.batch));
  const bool keeps_reference = compiled.has_prefix && prefix_->KeepsOutputs();
  const RunOutputs outputs(*runner, heads_);
  const auto run_batch = [&](int64_t begin, int64_t valid) -> absl::Status {
    if (compiled.has_prefix) HT_RETURN_IF_ERROR(prefix_->SetSource(begin, *runner));
    HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
    std::vector<absl::Span<const float>> reference;
    if (keeps_reference) {
      for (size_t h = 0; h < heads_.size(); ++h) {
        HT_ASSIGN_OR_RETURN(const auto first, prefix_->Output(h, begin));
        // Samples lie one after the other.
        reference.emplace_back(first.data(), first.size() * static_cast<size_t>(valid));
      }
    } else {
      HT_ASSIGN_OR_RETURN(reference,
                          outputs.Read([](size_t h) { return absl::StrCat(kReference, h); }));
    }
    for (size_t i = 0; i < choices.size(); ++i) {
      HT_ASSIGN_OR_RETURN(const auto changed,
                          outputs.Read([&](size_t h) { return ChangedOutput(i, h); }));
      HT_ASSIGN_OR_RETURN(const auto finite, runner->Output(FiniteOutput(i)));
      for (int64_t n = 0; n < valid; ++n) {
        const auto before = outputs.SampleOf(reference, n), after = outputs.SampleOf(changed, n);
        if (!std::isfinite(finite[0]) || !IsFinite(before) || !IsFinite(after)) {
          const absl::Status status = absl::InvalidArgumentError(
              absl::StrCat("layer '", request_.layers()[layer].name, "' as ",
                           request_.choices[layer][choices[i]]->name(),
                           ": its result or what follows is not finite"));
          return ExplainNonFinite(request_, begin, compiled.batch, status, progress.cancellation);
        }
        visit(i, before, after);
      }
    }
    return absl::OkStatus();
  };
  return ForEachBatch(request_.data.samples(), compiled.batch, progress, run_batch);
}

absl::StatusOr<std::vector<MeanEstimate>> SingleLayerMeter::Measure(
    size_t layer, absl::Span<const size_t> choices, size_t first_column, SampleLosses* samples,
    const Progress& progress) {
  std::vector<MeanEstimate> estimates(choices.size());
  const Visit add = [&](size_t i, absl::Span<const absl::Span<const float>> reference,
                        absl::Span<const absl::Span<const float>> changed) {
    double divergence = 0;
    for (size_t h = 0; h < heads_.size(); ++h) {
      divergence += heads_[h].factor * DivergenceOfSample(heads_[h], reference[h], changed[h]);
    }
    if (samples != nullptr) {
      samples->Set(static_cast<size_t>(estimates[i].count()), first_column + choices[i],
                   divergence);
    }
    estimates[i].Add(divergence);
  };
  HT_RETURN_IF_ERROR(Run(layer, choices, add, progress));
  return estimates;
}

std::vector<size_t> ChangedChoices(const std::vector<ChoicePtr>& choices) {
  std::vector<size_t> changed;
  for (size_t o = 0; o < choices.size(); ++o) {
    if (!choices[o]->IsFloat()) changed.push_back(o);
  }
  return changed;
}

}  // namespace halftone
