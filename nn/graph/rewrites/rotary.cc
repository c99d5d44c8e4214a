#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

// Rotary position embeddings (Su et al., 2021): pairs of elements turned by an angle that grows
// with the position.
namespace halftone {
namespace {

// Which inputs are what; ONNX Runtime's order is another one than ONNX's.
struct Order {
  size_t cosines, sines, positions;
};

class RotaryWriter {
 public:
  RotaryWriter(const NodeContext& context, UniqueNames& names, const Order& order)
      : context_(context), node_(context.node), order_(order), builder_(context, names) {}

  absl::StatusOr<Parts> Write();

 private:
  absl::Status ReadSizes();
  absl::StatusOr<std::string> Table(size_t input);
  std::string Turned(const std::string& src, const std::string& cosines, const std::string& sines);

  const NodeContext& context_;
  const Node& node_;
  const Order order_;
  PartsBuilder builder_;
  bool is_joined_ = false;  // [batch, tokens, heads * size], not [batch, heads, tokens, size]
  bool is_interleaved_ = false;
  int64_t heads_ = 0, size_ = 0, turned_ = 0;  // elements of a head, and how many of them turn
};

absl::Status RotaryWriter::ReadSizes() {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context_.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo cosines, context_.Input(order_.cosines));
  const int rank = src.shape.rank();
  if ((rank != 3 && rank != 4) || cosines.shape.rank() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a source ", src.shape.ToString(), " and cosines ", cosines.shape.ToString()));
  }
  is_joined_ = rank == 3;
  HT_ASSIGN_OR_RETURN(heads_, node_.Int("num_heads", 0));
  HT_ASSIGN_OR_RETURN(turned_, node_.Int("rotary_embedding_dim", 0));
  HT_ASSIGN_OR_RETURN(const int64_t interleaved, node_.Int("interleaved", 0));
  is_interleaved_ = interleaved != 0;
  const int64_t width = src.shape.dim(rank - 1);
  // ONNX Runtime takes the size of the tables where the heads are not counted.
  if (is_joined_ && heads_ == 0 && turned_ == 0) {
    heads_ = width / std::max<int64_t>(1, 2 * cosines.shape.dim(cosines.shape.rank() - 1));
  }
  if (!is_joined_) heads_ = src.shape.dim(1);
  if (heads_ < 1 || (is_joined_ && width % heads_ != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(heads_, " heads of a width of ", width));
  }
  size_ = is_joined_ ? width / heads_ : width;
  if (turned_ == 0) turned_ = size_;
  if (turned_ < 0 || turned_ > size_ || turned_ % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat("turns ", turned_, " of ", size_, " elements"));
  }
  return absl::OkStatus();
}

// Cosines or sines, [batch or 1, 1, tokens, turned / 2].
absl::StatusOr<std::string> RotaryWriter::Table(size_t input) {
  HT_ASSIGN_OR_RETURN(ValueInfo table, context_.Input(input));
  std::string rows = node_.inputs[input];
  if (context_.HasInput(order_.positions)) {
    const Shape& positions = context_.infos[order_.positions]->shape;
    if (positions.rank() != 2 || table.shape.rank() != 2) {
      return absl::UnimplementedError(
          absl::StrCat("positions ", positions.ToString(), " in a table ", table.shape.ToString()));
    }
    rows = builder_.Op("Gather", {rows, node_.inputs[order_.positions]}, {{"axis", int64_t{0}}});
  } else if (table.shape.rank() != 3) {
    return absl::InvalidArgumentError(absl::StrCat("a table ", table.shape.ToString()));
  }
  if (table.shape.dim(table.shape.rank() - 1) != turned_ / 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("a table ", table.shape.ToString(), " to turn ", turned_, " elements"));
  }
  return builder_.Unsqueeze(rows, 1);
}

std::string RotaryWriter::Turned(const std::string& src, const std::string& cosines,
                                 const std::string& sines) {
  std::string pairs = src, first, second;
  if (is_interleaved_) {
    // The heads keep their number: [batch, heads, tokens, pairs, 2].
    pairs = builder_.Reshape(src, {0, 0, 0, turned_ / 2, 2});
    const PartsBuilder::Attributes last = {{"axis", int64_t{4}}};
    first = builder_.Op("Gather", {pairs, builder_.Constant("first", Tensor::Scalar<int64_t>(0))},
                        last);
    second = builder_.Op("Gather", {pairs, builder_.Constant("second", Tensor::Scalar<int64_t>(1))},
                         last);
  } else {
    first = builder_.Slice(src, 3, 0, turned_ / 2);
    second = builder_.Slice(src, 3, turned_ / 2, turned_);
  }
  const std::string real =
      builder_.Op("Sub", {builder_.Mul(first, cosines), builder_.Mul(second, sines)});
  const std::string imaginary =
      builder_.Add(builder_.Mul(first, sines), builder_.Mul(second, cosines));
  if (!is_interleaved_) return builder_.Concat({real, imaginary}, 3);
  return builder_.Reshape(builder_.Stack({real, imaginary}, 4), {0, 0, 0, turned_});
}

absl::StatusOr<Parts> RotaryWriter::Write() {
  HT_RETURN_IF_ERROR(ReadSizes());
  HT_ASSIGN_OR_RETURN(const float scale, node_.Float("scale", 1));
  if (scale != 1.0f) return absl::UnimplementedError("a scale");
  std::string src = node_.inputs[0];
  if (is_joined_) {
    src = builder_.Transpose(builder_.Reshape(src, {0, 0, heads_, size_}), {0, 2, 1, 3});
  }
  HT_ASSIGN_OR_RETURN(const std::string cosines, Table(order_.cosines));
  HT_ASSIGN_OR_RETURN(const std::string sines, Table(order_.sines));
  std::string dst = turned_ == size_ ? src : builder_.Slice(src, 3, 0, turned_);
  dst = Turned(dst, cosines, sines);
  if (turned_ < size_) dst = builder_.Concat({dst, builder_.Slice(src, 3, turned_, size_)}, 3);
  if (is_joined_) {
    dst = builder_.Reshape(builder_.Transpose(dst, {0, 2, 1, 3}), {0, 0, heads_ * size_});
  }
  builder_.Result(0, dst);
  return builder_.Take();
}

absl::StatusOr<Parts> RewriteOnnxRotary(const NodeContext& context, UniqueNames& names) {
  return RotaryWriter(context, names, {1, 2, 3}).Write();
}

absl::StatusOr<Parts> RewriteMicrosoftRotary(const NodeContext& context, UniqueNames& names) {
  return RotaryWriter(context, names, {2, 3, 1}).Write();
}

constexpr std::array kRotaryRewrites = {
    Rewrite{"", "RotaryEmbedding", RewriteOnnxRotary},
    Rewrite{kMicrosoft, "RotaryEmbedding", RewriteMicrosoftRotary},
};

}  // namespace

absl::Span<const Rewrite> RotaryRewrites() { return kRotaryRewrites; }

}  // namespace halftone
