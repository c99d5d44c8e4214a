#include "search/sensitivity/fisher_meter.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

constexpr size_t kMaxMatrixColumns = 16384;

// One cotangent of one head and one sample, drawn on the host from its own random stream, so that
// it does not depend on the batch. `logits` may be null for mean squared error.
void DrawCotangent(const Head& head, const float* logits, SplitMix64& random,
                   absl::Span<float> cotangent) {
  if (!head.is_kl) {
    // mse = |d|^2 / elements = 1/2 d' (2 / elements) d.
    const auto scale = static_cast<float>(std::sqrt(2.0 / static_cast<double>(head.elements())));
    for (float& value : cotangent) value = scale * random.Sign();
    return;
  }
  const auto width = static_cast<size_t>(head.width);
  const double scale = 1 / std::sqrt(static_cast<double>(head.rows));
  for (size_t begin = 0; begin < cotangent.size(); begin += width) {
    const std::vector<double> p = SoftmaxRow({logits + begin, width});
    double rest = random.Uniform();
    size_t label = 0;
    while (label + 1 < width && rest >= p[label]) rest -= p[label++];
    for (size_t c = 0; c < width; ++c) {
      cotangent[begin + c] = static_cast<float>(scale * (p[c] - (c == label ? 1.0 : 0.0)));
    }
  }
}

// Streams the samples through the program and accumulates the matrix.
class FisherMeter {
 public:
  FisherMeter(const ChoiceRequest& request, bool keep_matrix)
      : request_(request), columns_(request.choices), matrix_(columns_.size(), keep_matrix) {}

  absl::Status Prepare() {
    HT_ASSIGN_OR_RETURN(
        const BatchedExecutable compiled,
        CompileWithinMemory(request_.network, request_.options.batch, request_.data.samples(),
                            [&](int64_t batch) { return Build(batch); }));
    batch_ = compiled.batch;
    HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(compiled.executable, request_.data, batch_));
    if (fisher_.kind != CotangentKind::kLabelDraws) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph_, fisher_.heads));
    HT_ASSIGN_OR_RETURN(forward_, BatchRunner::Create(std::move(forward), request_.data, batch_));
    return absl::OkStatus();
  }

  absl::Status Run(const Progress& progress) {
    return ForEachBatch(request_.data.samples(), batch_, progress,
                        [&](int64_t begin, int64_t valid) -> absl::Status {
                          if (fisher_.kind != CotangentKind::kEveryClass) {
                            HT_RETURN_IF_ERROR(SetCotangents(begin, progress.cancellation));
                          }
                          HT_RETURN_IF_ERROR(runner_->Run(begin, progress.cancellation));
                          return Accumulate(valid);
                        });
  }

  FisherMeasurement Take() { return {std::move(matrix_), OutputMetricOf(fisher_.heads)}; }

 private:
  absl::StatusOr<Program> Build(int64_t batch) {
    HT_ASSIGN_OR_RETURN(graph_, request_.network.Bind(batch));
    HT_RETURN_IF_ERROR(CheckData(request_.network, graph_, request_.data, /*needs_labels=*/false));
    HT_ASSIGN_OR_RETURN(const std::vector<Head> heads,
                        ResolveHeads(request_.network, graph_, request_.options.loss));
    HT_ASSIGN_OR_RETURN(fisher_, BuildFisherProgram(request_, graph_, heads));
    return std::move(fisher_.program);
  }

  absl::Status SetCotangents(int64_t begin, const Cancellation& cancellation) {
    if (forward_ != nullptr) HT_RETURN_IF_ERROR(forward_->Run(begin, cancellation));
    for (size_t h = 0; h < fisher_.heads.size(); ++h) {
      HT_RETURN_IF_ERROR(SetCotangentsOf(h, begin));
    }
    return absl::OkStatus();
  }

  absl::Status SetCotangentsOf(size_t h, int64_t begin) {
    const Head& head = fisher_.heads[h];
    const auto size = static_cast<size_t>(head.elements());
    const float* logits = nullptr;
    if (forward_ != nullptr) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, forward_->Output(head.value));
      logits = values.data();
    }
    std::vector<float> cotangents(size * static_cast<size_t>(batch_));
    for (int k = 0; k < fisher_.cotangents; ++k) {
      for (int64_t n = 0; n < batch_; ++n) {
        const size_t offset = static_cast<size_t>(n) * size;
        SplitMix64 random(request_.options.seed, Stream(begin + n, k, h));
        DrawCotangent(head, logits == nullptr ? nullptr : logits + offset, random,
                      absl::MakeSpan(cotangents).subspan(offset, size));
      }
      HT_RETURN_IF_ERROR(runner_->SetInput(CotangentInput(k, h), cotangents));
    }
    return absl::OkStatus();
  }

  static uint64_t Stream(int64_t sample, int draw, size_t head) {
    return (static_cast<uint64_t>(sample) << 20) ^ (static_cast<uint64_t>(draw) << 8) ^ head;
  }

  // Rows of S of every valid sample of the batch, from the outputs of the last run.
  absl::Status Accumulate(int64_t valid) {
    const auto cotangents = static_cast<size_t>(fisher_.cotangents);
    const size_t per_sample = cotangents * columns_.size();
    std::vector<double> rows(static_cast<size_t>(valid) * per_sample);
    for (const FisherBlock& block : fisher_.blocks) {
      HT_RETURN_IF_ERROR(ReadBlock(block, absl::MakeSpan(rows)));
    }
    std::vector<double> weights(cotangents, 1.0 / static_cast<double>(cotangents));
    absl::Span<const float> probabilities;
    if (fisher_.kind == CotangentKind::kEveryClass) {
      HT_ASSIGN_OR_RETURN(probabilities, runner_->Output(fisher_.probabilities));
    }
    for (size_t n = 0; n < static_cast<size_t>(valid); ++n) {
      if (!probabilities.empty()) {
        const float* p = probabilities.data() + n * cotangents;
        weights.assign(p, p + cotangents);
      }
      matrix_.AddSample(absl::MakeSpan(rows).subspan(n * per_sample, per_sample), weights);
    }
    return absl::OkStatus();
  }

  // Copies a layer's inner products to its columns of `rows` [samples, cotangents, columns].
  absl::Status ReadBlock(const FisherBlock& block, absl::Span<double> rows) const {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner_->Output(block.output));
    const size_t choices = block.choices.size();
    const size_t first = columns_.Begin(block.layer);
    for (size_t row = 0; row < rows.size() / columns_.size(); ++row) {
      for (size_t i = 0; i < choices; ++i) {
        const float value = values[row * choices + i];
        if (!std::isfinite(value)) {
          return absl::InternalError(
              absl::StrCat("layer '", request_.layers()[block.layer].name,
                           "': a derivative or a quantized result is not finite"));
        }
        rows[row * columns_.size() + first + block.choices[i]] = value;
      }
    }
    return absl::OkStatus();
  }

  const ChoiceRequest& request_;
  ChoiceColumns columns_;
  FisherMatrix matrix_;
  int64_t batch_ = 1;
  Graph graph_;
  FisherProgram fisher_;
  std::unique_ptr<BatchRunner> runner_, forward_;
};

}  // namespace

absl::StatusOr<FisherMeasurement> MeasureFisherMatrix(const ChoiceRequest& request,
                                                      bool keep_matrix, const Progress& progress) {
  const size_t columns = ChoiceColumns(request.choices).size();
  if (keep_matrix && columns > kMaxMatrixColumns) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a matrix of ", columns, " choices is larger than ", kMaxMatrixColumns));
  }
  FisherMeter meter(request, keep_matrix);
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_RETURN_IF_ERROR(meter.Prepare());
  HT_RETURN_IF_ERROR(meter.Run(progress.Part(0.05, 1)));
  return meter.Take();
}

}  // namespace halftone
