#include "search/sensitivity/fisher_meter.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/layer_pairs.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/non_finite.h"
#include "search/sensitivity/sample_layout.h"
#include "search/sensitivity/sample_losses.h"
#include "search/sensitivity/single_layer.h"

namespace halftone {
namespace {

constexpr size_t kMaxMatrixColumns = 16384;

// Streams the samples through the program and accumulates the matrix.
class FisherMeter {
 public:
  FisherMeter(const ChoiceRequest& request, FisherMatrix matrix)
      : request_(request), columns_(request.choices), matrix_(std::move(matrix)) {}

  absl::Status Prepare(const Cancellation& cancellation) {
    HT_RETURN_IF_ERROR(FindLayouts(cancellation));
    HT_ASSIGN_OR_RETURN(
        const FittedProgram fitted,
        FitBatch(request_.network, TellsApart() ? request_.options.batch : 1,
                 request_.data.samples(), [&](int64_t batch) { return Build(batch); }));
    batch_ = fitted.batch;
    HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(fitted.executable, request_.data, batch_));
    if (!cotangents_->NeedsForward()) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph_, cotangents_->heads()));
    HT_ASSIGN_OR_RETURN(forward_, BatchRunner::Create(std::move(forward), request_.data, batch_));
    return absl::OkStatus();
  }

  absl::Status Run(const Progress& progress) {
    const Cancellation& cancellation = progress.cancellation;
    return ForEachBatch(request_.data.samples(), batch_, progress,
                        [&](int64_t begin, int64_t valid) -> absl::Status {
                          if (forward_ != nullptr)
                            HT_RETURN_IF_ERROR(forward_->Run(begin, cancellation));
                          HT_RETURN_IF_ERROR(cotangents_->SetInputs(
                              begin, batch_, request_.options.seed, forward_.get(), *runner_));
                          HT_RETURN_IF_ERROR(runner_->Run(begin, cancellation));
                          const absl::Status status = Accumulate(valid);
                          if (status.ok()) return status;
                          return ExplainNonFinite(request_, begin, batch_, status, cancellation);
                        });
  }

  FisherMeasurement Take() { return {std::move(matrix_), OutputMetricOf(cotangents_->heads())}; }

 private:
  absl::Status FindLayouts(const Cancellation& cancellation) {
    const PreparedNetwork& network = request_.network;
    const int64_t samples = request_.data.samples();
    const int64_t batch = network.BatchFor(request_.options.batch, samples);
    HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.BatchFor(1, samples)));
    HT_RETURN_IF_ERROR(CheckData(network, graph, request_.data, /*needs_labels=*/false));
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> results,
                        DifferentiatedValues(request_, graph));
    HT_ASSIGN_OR_RETURN(
        layouts_, FindSampleLayouts(network, request_.data, batch,
                                    PreparedNetwork::BatchNorm::kFolded, results, cancellation));
    return absl::OkStatus();
  }

  // Whether the samples of a batch can be told apart in all that choices change.
  bool TellsApart() const {
    for (size_t i = 0; i < layouts_.size(); ++i) {
      const bool changes = i >= columns_.layers() || !ChangedChoices(request_.choices[i]).empty();
      if (!layouts_[i].has_value() && changes) return false;
    }
    return true;
  }

  absl::StatusOr<Program> Build(int64_t batch) {
    HT_ASSIGN_OR_RETURN(graph_, request_.network.Bind(batch));
    HT_ASSIGN_OR_RETURN(std::vector<Head> heads,
                        ResolveHeads(request_.network, graph_, request_.options.loss));
    cotangents_.emplace(std::move(heads), request_.options);
    HT_ASSIGN_OR_RETURN(fisher_,
                        BuildFisherProgram(request_, graph_, batch, layouts_, *cotangents_));
    return std::move(fisher_.program);
  }

  // Rows of S of every valid sample of the batch, from the outputs of the last run.
  absl::Status Accumulate(int64_t valid) {
    const auto cotangents = static_cast<size_t>(cotangents_->count());
    std::vector<double> rows(static_cast<size_t>(valid) * cotangents * columns_.size());
    for (const FisherBlock& block : fisher_.blocks) {
      HT_RETURN_IF_ERROR(ReadBlock(block, absl::MakeSpan(rows)));
    }
    if (request_.options.method == SensitivityMethod::kFisherElementwise) {
      for (double& square : rows) square = std::sqrt(std::max(square, 0.0));
    }
    std::vector<double> weights;
    for (int64_t n = 0; n < valid; ++n) {
      HT_ASSIGN_OR_RETURN(const std::vector<double> of_sample, cotangents_->Weights(*runner_, n));
      weights.insert(weights.end(), of_sample.begin(), of_sample.end());
    }
    matrix_.AddBatch(rows, weights, cotangents);
    return absl::OkStatus();
  }

  // Adds inner products to their columns of `rows` [samples, cotangents, columns].
  absl::Status ReadBlock(const FisherBlock& block, absl::Span<double> rows) const {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner_->Output(block.output));
    const size_t choices = block.choices.size();
    const size_t first = columns_.Begin(block.layer);
    for (size_t row = 0; row < rows.size() / columns_.size(); ++row) {
      for (size_t i = 0; i < choices; ++i) {
        const float value = values[row * choices + i];
        if (!std::isfinite(value)) {
          return absl::InvalidArgumentError(
              absl::StrCat("layer '", request_.layers()[block.layer].name,
                           "': a derivative or a quantized result is not finite"));
        }
        rows[row * columns_.size() + first + block.choices[i]] += value;
      }
    }
    return absl::OkStatus();
  }

  const ChoiceRequest& request_;
  ChoiceColumns columns_;
  FisherMatrix matrix_;
  SampleLayouts layouts_;  // of DifferentiatedValues
  int64_t batch_ = 1;
  Graph graph_;
  std::optional<OutputCotangents> cotangents_;
  FisherProgram fisher_;
  std::unique_ptr<BatchRunner> runner_, forward_;
};

}  // namespace

void SetFisherLosses(const FisherMatrix& matrix, SensitivityResult& result) {
  size_t column = 0;
  for (LayerSensitivity& layer : result.layers) {
    for (ChoiceLoss& choice : layer.choices) {
      choice.loss = matrix.Loss(column);
      choice.loss_stderr = matrix.LossError(column);
      ++column;
    }
  }
}

absl::StatusOr<FisherMeasurement> MeasureFisherMatrix(const ChoiceRequest& request,
                                                      const FisherMatrix::Options& options,
                                                      const Progress& progress) {
  const ChoiceColumns columns(request.choices);
  if (options.keep_matrix && columns.size() > kMaxMatrixColumns) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a matrix of ", columns.size(), " choices is larger than ", kMaxMatrixColumns));
  }
  if (options.keep_samples) {
    HT_RETURN_IF_ERROR(CheckSampleLosses(request.data.samples(), columns.size()));
  }
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  LayerPairs neighbours;
  const bool all = request.options.pairs == InteractionPairs::kAll;
  if (!all) {
    HT_ASSIGN_OR_RETURN(const Graph graph, request.network.Bind(request.network.BatchFor(1, 1)));
    neighbours = NeighbourPairs(graph, request.network.layers);
  }
  FisherMeter meter(request, FisherMatrix(columns, all ? nullptr : &neighbours, options));
  HT_RETURN_IF_ERROR(meter.Prepare(progress.cancellation));
  HT_RETURN_IF_ERROR(meter.Run(progress.Part(0.05, 1)));
  return meter.Take();
}

}  // namespace halftone
