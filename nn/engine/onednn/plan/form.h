#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_FORM_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_FORM_H_

#include <cstdint>
#include <string>

#include "nn/graph/layer.h"
#include "nn/graph/shape.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/uniform.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone::plan {

using DataKind = dnnl::memory::data_type;
using MemoryDesc = dnnl::memory::desc;

// How the elements of a stored activation are numbers: float32, float32 rounded to the grid of a
// quantizer, bfloat16, or the quantizer's integers: value = scale * (integer - zero_point). A value
// type.
struct Form {
  DataKind type = DataKind::f32;
  float scale = 1;
  int32_t zero_point = 0;
  int32_t qmin = 0, qmax = 0;  // the quantizer's grid, which may be smaller than the type; or none

  static Form Float32() { return {}; }
  static Form BFloat16() { return {DataKind::bf16}; }
  // The form of a per-tensor quantizer that 8-bit kernels can read (see FitsInt8), exactly on this
  // processor (see exact_int8.h).
  static Form Of(const UniformQuantizer& quantizer);
  // The same grid in signed bytes: what matrix products read as their second source.
  static Form SignedOf(const UniformQuantizer& quantizer);
  // The same grid as float32 values.
  static Form RoundedTo(const UniformQuantizer& quantizer);

  bool IsInteger() const { return type == DataKind::u8 || type == DataKind::s8; }
  // Whether it is float32 on a grid.
  bool IsRounded() const { return type == DataKind::f32 && qmin < qmax; }
  // Whether the grid fills the type: converting to the type saturates to the grid by itself.
  bool FillsType() const;
  // Whether no more than one of the type's integers is unused: what a shortcut may be stored in.
  bool IsEightBits() const { return IsInteger() && qmax - qmin >= 254; }
  bool operator==(const Form&) const = default;

 private:
  // With its integers shifted.
  static Form Make(const UniformQuantizer& quantizer, DataKind type, int32_t shift);
};

// "f32", "bf16", "u8", "s8", with "+zp" when the zero point is not 0 and "+clip" when the grid is
// smaller than the type, or "f32+grid": what the time of a primitive that writes it depends on.
std::string FormName(const Form& form);

// Whether 8-bit kernels can read activations of that quantizer.
bool FitsInt8Activations(const UniformQuantizer& quantizer);

// How the layer's kernel computes. kRounded is float32 on sources and weights that are rounded to
// the grids which 8-bit kernels would read: where those are not exact. The last two read weights of
// 8 or 4 bits and make bfloat16 of them as they go: less memory traffic, which is what large matrix
// products of few rows wait for.
enum class Arithmetic { kFloat32, kBFloat16, kInt8, kRounded, kDecompress8, kDecompress4 };
bool IsDecompression(Arithmetic arithmetic);
// Whether sources are rounded to the grid of their quantizer.
bool RoundsSources(Arithmetic arithmetic);

// What the kernels of this machine make of a layer with these quantizers, if it is native (see
// PlanOp).
Arithmetic ArithmeticOf(const Layer& layer, const LayerQuantizers& quantizers);
// The same by precision alone, with the quantizers that calibration makes.
Arithmetic ArithmeticOf(const Layer& layer, const Precision& precision);

// Whether this CPU computes in bfloat16 by instructions of its own.
bool CpuHasBFloat16();
// Whether oneDNN has an optimized kernel here that decompresses weights. Its reference
// implementation is thousands of times slower than float32.
bool CpuDecompressesWeights();

// The arrangement of activations between steps: channels last from rank 3 on, C order below.
MemoryDesc ActivationDesc(const Shape& shape, DataKind type);
// C order.
MemoryDesc PlainDesc(const Shape& shape, DataKind type);
// Whether both put element i of the logical tensor at the same place; axes of size 1 and data
// types do not count.
bool SameArrangement(const MemoryDesc& a, const MemoryDesc& b);
// Whether matrix products read it as it is: one of the last two axes is dense, the other one does
// not overlap it.
bool IsMatrix(const MemoryDesc& desc);
// Without gaps, the axes in the order in which `desc` has them in memory.
MemoryDesc DenseDesc(const MemoryDesc& desc, DataKind type);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_FORM_H_
