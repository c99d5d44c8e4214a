#include "nn/graph/recurrent/recurrent_cell.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "nn/graph/recurrent/gru_cell.h"
#include "nn/graph/recurrent/lstm_cell.h"
#include "nn/graph/recurrent/rnn_cell.h"

namespace halftone {
namespace {

// Row `index` of the first axis of a float32 tensor.
absl::Span<const float> RowOf(const Tensor& tensor, size_t index) {
  const auto size = static_cast<size_t>(tensor.elements() / tensor.shape().dim(0));
  return tensor.data<float>().subspan(index * size, size);
}

// [rows, columns] to [columns, rows].
Tensor Transposed(absl::Span<const float> values, int64_t rows, int64_t columns) {
  std::vector<float> transposed(values.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      transposed[static_cast<size_t>(column * rows + row)] =
          values[static_cast<size_t>(row * columns + column)];
    }
  }
  return Tensor::Of(Shape{columns, rows}, std::move(transposed));
}

}  // namespace

std::unique_ptr<RecurrentCell> RecurrentCell::Create(const RecurrentSpec& spec, size_t direction,
                                                     const SharedConstants& constants,
                                                     NodeWriter& writer) {
  switch (spec.kind) {
    case RecurrentSpec::Kind::kRnn:
      return std::make_unique<RnnCell>(spec, direction, constants, writer);
    case RecurrentSpec::Kind::kGru:
      return std::make_unique<GruCell>(spec, direction, constants, writer);
    case RecurrentSpec::Kind::kLstm:
      return std::make_unique<LstmCell>(spec, direction, constants, writer);
  }
  return nullptr;
}

RecurrentCell::RecurrentCell(const RecurrentSpec& spec, size_t direction, SharedConstants constants,
                             NodeWriter& writer)
    : spec_(spec), writer_(writer), direction_(direction), constants_(std::move(constants)) {
  MakeInputConstants();
}

std::string RecurrentCell::PartName(absl::string_view part) const {
  const std::string& direction = spec_.directions[direction_].name;
  return direction.empty() ? std::string(part) : absl::StrCat(direction, "/", part);
}

void RecurrentCell::MakeInputConstants() {
  const int64_t rows = spec_.gates * spec_.hidden;
  input_weights_ = constants_(RecurrentSpec::kWeights, PartName("transposed"), [&] {
    return Transposed(RowOf(spec_.weights, direction_), rows, spec_.inputs);
  });
  if (!spec_.bias.has_value()) return;
  // A GRU's reset gate may scale the bias of its candidate's recurrence.
  const bool is_apart = spec_.kind == RecurrentSpec::Kind::kGru && spec_.linear_before_reset;
  const auto summed = static_cast<size_t>(is_apart ? 2 * spec_.hidden : rows);
  input_bias_ =
      constants_(RecurrentSpec::kBias, PartName(is_apart ? "sum_before_reset" : "sum"), [&] {
        const absl::Span<const float> both = RowOf(*spec_.bias, direction_);
        std::vector<float> sum(both.begin(), both.begin() + rows);
        for (size_t i = 0; i < summed; ++i) sum[i] += both[static_cast<size_t>(rows) + i];
        return Tensor::Of(Shape{rows}, std::move(sum));
      });
}

std::string RecurrentCell::ConstantPart(RecurrentSpec::Input source, const Tensor& tensor,
                                        absl::string_view part, int64_t begin,
                                        int64_t count) const {
  return constants_(source, PartName(part), [&] {
    const absl::Span<const float> row = RowOf(tensor, direction_);
    std::vector<float> values(row.begin() + begin, row.begin() + begin + count);
    return Tensor::Of(Shape{count}, std::move(values));
  });
}

RecurrentCell::Recurrence RecurrentCell::MakeRecurrence(absl::string_view part, int64_t begin,
                                                        int64_t end) const {
  const auto size = static_cast<size_t>(spec_.hidden * spec_.hidden);
  std::string weights = constants_(RecurrentSpec::kRecurrence, PartName(part), [&] {
    const auto rows =
        RowOf(spec_.recurrence, direction_)
            .subspan(static_cast<size_t>(begin) * size, static_cast<size_t>(end - begin) * size);
    return Transposed(rows, (end - begin) * spec_.hidden, spec_.hidden);
  });
  return {std::move(weights), begin, end};
}

std::string RecurrentCell::Product(const CellState& state, const Recurrence& recurrence,
                                   absl::string_view role) {
  if (!state.constant_h.has_value()) {
    return writer_.Op("MatMul", {state.h, recurrence.weights}, role);
  }
  const auto hidden = static_cast<size_t>(spec_.hidden);
  const auto columns = static_cast<size_t>(recurrence.end - recurrence.begin) * hidden;
  const absl::Span<const float> weights =
      RowOf(spec_.recurrence, direction_)
          .subspan(static_cast<size_t>(recurrence.begin) * hidden * hidden, columns * hidden);
  const absl::Span<const float> src = state.constant_h->data<float>();
  std::vector<float> product;
  for (size_t column = 0; column < columns; ++column) {
    double sum = 0;
    for (size_t i = 0; i < hidden; ++i) {
      sum += static_cast<double>(src[i]) * static_cast<double>(weights[column * hidden + i]);
    }
    product.push_back(static_cast<float>(sum));
  }
  const Shape shape = {1, 1, static_cast<int64_t>(columns)};
  return writer_.Constant(role, Tensor::Of(shape, std::move(product)));
}

std::string RecurrentCell::AddProduct(const std::string& x, const CellState& state,
                                      const Recurrence& recurrence) {
  return state.h.empty() ? x : Add(Product(state, recurrence, "recurrent"), x, "sum");
}

std::string RecurrentCell::Act(size_t which, const std::string& src, absl::string_view role) {
  return Activate(writer_, spec_.directions[direction_].activations[which], src, role);
}

std::string RecurrentCell::ActClipped(size_t which, const std::string& src,
                                      absl::string_view role) {
  if (!spec_.clip.has_value()) return Act(which, src, role);
  return Act(which, writer_.Clip(src, *spec_.clip, absl::StrCat(role, "_clipped")), role);
}

std::string RecurrentCell::Mul(const std::string& a, const std::string& b, absl::string_view role) {
  return writer_.Op("Mul", {a, b}, role);
}

std::string RecurrentCell::Add(const std::string& a, const std::string& b, absl::string_view role) {
  return writer_.Op("Add", {a, b}, role);
}

}  // namespace halftone
