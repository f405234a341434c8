"""The publications that the rows name, and those of architectures, encoders, training and software.

Facts only. What could not be looked up is left out: an entry without a year or with "others" is one of which no more
was at hand.
"""

from __future__ import annotations

from seggrid.catalogue.bibliography import (
    CVPR,
    DLMIA,
    ICCV,
    ICLR,
    MICCAI,
    TMI,
    Reference,
    article,
    misc,
    proceedings,
)
from seggrid.catalogue.network_references import NETWORK_REFERENCES

REFERENCES: dict[str, Reference] = {
    **NETWORK_REFERENCES,
    # Losses
    "wang2026": article(
        "Wang, Shiming and Wu, Tianqi and Huang, Weiqing and Du, Jinglong and Chen, Ziran and Xiao, Zhibo and Gao, Qi "
        "and Liu, Yun and Chen, Yingying and Guo, Peng and Zeng, Nanrong and Liao, Junyi and Yang, Yingjian and "
        "Zheng, Jie and Chen, Huai and Liu, Yanbing and Lv, Fajin",
        "Dual-level weighted cross-entropy loss function and multi-object region segmentation network evaluation for "
        "dynamic knee joint X-ray radiography based on a novel scoring criterion",
        "Frontiers in Medicine", 2026, doi="10.3389/fmed.2026.1768134",
    ),
    "radillah": misc(
        "Radillah, Teuku and Defit, Sarjon and Nurcahyo, Gunadi Widi",
        "Novel Use of Deep Learning for Adaptive Weighted Loss in the Segmentation of X-ray Images for Detecting "
        "Wrist Fractures", None,
    ),
    "chen2023": article(
        "Chen, Yizheng and Yu, Lequan and Wang, Jen-Yeu and Panjwani, Neil and Obeid, Jean-Pierre and Liu, Wu and "
        "Liu, Lianli and Kovalchuk, Nataliya and Gensheimer, Michael Francis and Vitzthum, Lucas Kas and "
        "Beadle, Beth M. and Chang, Daniel T. and Le, Quynh-Thu and Han, Bin and Xing, Lei",
        "Adaptive Region-Specific Loss for Improved Medical Image Segmentation",
        "IEEE Transactions on Pattern Analysis and Machine Intelligence", 2023, volume="45", number="11",
        pages="13408--13421", doi="10.1109/TPAMI.2023.3289667",
    ),
    "lin2017focal": proceedings(
        "Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and Dollár, Piotr",
        "Focal Loss for Dense Object Detection", ICCV, 2017, pages="2980--2988",
    ),
    "wu2016": misc(
        "Wu, Zifeng and Shen, Chunhua and van den Hengel, Anton",
        "Bridging Category-level and Instance-level Semantic Image Segmentation", 2016,
        howpublished="arXiv:1605.06885",
    ),
    "milletari2016": proceedings(
        "Milletari, Fausto and Navab, Nassir and Ahmadi, Seyed-Ahmad",
        "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation",
        "Fourth International Conference on 3D Vision", 2016, pages="565--571",
    ),
    "rahman2016": proceedings(
        "Rahman, Md Atiqur and Wang, Yang",
        "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation",
        "International Symposium on Visual Computing", 2016, pages="234--244",
    ),
    "sudre2017": proceedings(
        "Sudre, C. H. and Li, W. and Vercauteren, T. and Ourselin, S. and Cardoso, M. J.",
        "Generalised Dice overlap as a deep learning loss function for highly unbalanced segmentations",
        DLMIA, 2017, pages="240--248",
    ),
    "salehi2017": proceedings(
        "Salehi, S. S. M. and Erdogmus, D. and Gholipour, A.",
        "Tversky loss function for image segmentation using 3D fully convolutional deep networks",
        "International Workshop on Machine Learning in Medical Imaging", 2017, pages="379--387",
    ),
    "abraham2019": proceedings(
        "Abraham, N. and Khan, N. M.",
        "A novel focal Tversky loss function with improved attention U-Net for lesion segmentation",
        "IEEE 16th International Symposium on Biomedical Imaging", 2019, pages="683--687",
    ),
    "brosch2015": proceedings(
        "Brosch, Tom and Yoo, Y. and Tang, L. Y. W. and others",
        "Deep Convolutional Encoder Networks for Multiple Sclerosis Lesion Segmentation", MICCAI, 2015,
        pages="3--11", doi="10.1007/978-3-319-24574-4_1",
    ),
    "wen2023": article(
        "Wen, Xiaobo and others",
        "Application of FGD-BCEL loss function in segmenting temporal lobes on localized CT images for radiotherapy",
        "Frontiers in Oncology", 2023, doi="10.3389/fonc.2023.1204044",
    ),
    "kervadec2019": proceedings(
        "Kervadec, H. and Bouchtiba, J. and Desrosiers, C. and Granger, E. and Dolz, J. and Ben Ayed, I.",
        "Boundary loss for highly unbalanced segmentation",
        "International Conference on Medical Imaging with Deep Learning", 2019, pages="285--296",
    ),
    "valverde2021": misc(
        "Valverde, Juan Miguel and Tohka, Jussi", "Region-wise Loss for Biomedical Image Segmentation", 2021,
        howpublished="arXiv:2108.01405",
    ),
    "chen2019": proceedings(
        "Chen, Xu and Williams, Bryan M. and Vallabhaneni, Srinivasa R. and Czanner, Gabriela and Williams, Rachel and "
        "Zheng, Yalin",
        "Learning Active Contour Models for Medical Image Segmentation", CVPR, 2019, pages="11632--11640",
    ),
    "karimi2019": article(
        "Karimi, Davood and Salcudean, S. E.",
        "Reducing the Hausdorff Distance in Medical Image Segmentation with Convolutional Neural Networks",
        TMI, 2019, volume="39", number="2", pages="499--513", doi="10.1109/TMI.2019.2930068",
    ),
    "lin2024": article(
        "Lin, Qiao and others", "Boundary-wise loss for medical image segmentation based on fuzzy rough sets",
        "Information Sciences", 2024, doi="10.1016/j.ins.2024.120183",
    ),
    # Metrics
    "crum2006": article(
        "Crum, W. R. and Camara, O. and Hill, D. L. G.",
        "Generalized overlap measures for evaluation and validation in medical image analysis", TMI, 2006,
        volume="25", number="11", pages="1451--1461",
    ),
    "maierhein2024": article(
        "Maier-Hein, Lena and Reinke, Annika and Godau, Patrick and others",
        "Metrics reloaded: recommendations for image analysis validation", "Nature Methods", 2024, volume="21",
        pages="195--212", doi="10.1038/s41592-023-02151-z",
    ),
    "nikolov2021": article(
        "Nikolov, S. and Blackwell, S. and Zverovitch, A. and others",
        "Clinically applicable segmentation of head and neck anatomy for radiotherapy: deep learning algorithm "
        "development and validation study",
        "Journal of Medical Internet Research", 2021, volume="23", number="7", pages="e26151", doi="10.2196/26151",
    ),
    # Training
    "loshchilov2019": proceedings(
        "Loshchilov, Ilya and Hutter, Frank", "Decoupled Weight Decay Regularization", ICLR, 2019,
    ),
    # Statistics
    "hesterberg2015": article(
        "Hesterberg, Tim C.",
        "What Teachers Should Know About the Bootstrap: Resampling in the Undergraduate Statistics Curriculum",
        "The American Statistician", 2015, volume="69", number="4", pages="371--386",
        doi="10.1080/00031305.2015.1089789",
    ),
    "wilcoxon1945": article(
        "Wilcoxon, F.", "Individual comparisons by ranking methods", "Biometrics Bulletin", 1945, volume="1",
        number="6", pages="80--83",
    ),
    "pratt1959": article(
        "Pratt, J. W.", "Remarks on Zeros and Ties in the Wilcoxon Signed Rank Procedures",
        "Journal of the American Statistical Association", 1959, volume="54", number="287", pages="655--667",
    ),
    "holm1979": article(
        "Holm, Sture", "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics", 1979, volume="6", number="2", pages="65--70",
    ),
    "demsar2006": article(
        "Demšar, Janez", "Statistical Comparisons of Classifiers over Multiple Data Sets",
        "Journal of Machine Learning Research", 2006, volume="7", pages="1--30",
    ),
    "scheffe1958": article(
        "Scheffé, H.", "Experiments with mixtures", "Journal of the Royal Statistical Society B", 1958, volume="20",
        number="2", pages="344--360",
    ),
    # Software
    "paszke2019": misc(
        "Paszke, Adam and Gross, Sam and Massa, Francisco and others",
        "PyTorch: An Imperative Style, High-Performance Deep Learning Library", 2019, howpublished="arXiv:1912.01703",
    ),
    "iakubovskii2019": misc(
        "Iakubovskii, Pavel", "Segmentation Models Pytorch", 2019,
        url="https://github.com/qubvel/segmentation_models.pytorch",
    ),
    "wightman2019": misc(
        "Wightman, Ross", "PyTorch Image Models", 2019, doi="10.5281/zenodo.4414861",
        url="https://github.com/rwightman/pytorch-image-models",
    ),
    "molder2021": article(
        "Mölder, Felix and Jablonski, Kim Philipp and Letcher, Brice and Hall, Michael B. and "
        "Tomkins-Tinch, Christopher H. and Sochat, Vanessa and Forster, Jan and Lee, Soohyun and Twardziok, Sven O. "
        "and Kanitz, Alexander and Wilm, Andreas and Holtgrewe, Manuel and Rahmann, Sven and Nahnsen, Sven and "
        "Köster, Johannes",
        "Sustainable data analysis with Snakemake", "F1000Research", 2021, volume="10", pages="33",
        doi="10.12688/f1000research.29032.2",
    ),
    "cardoso2022": misc(
        "Cardoso, M. Jorge and Li, Wenqi and Brown, Richard and others",
        "MONAI: An open-source framework for deep learning in healthcare", 2022, howpublished="arXiv:2211.02701",
    ),
    "akiba2019": proceedings(
        "Akiba, Takuya and Sano, Shotaro and Yanase, Toshihiko and Ohta, Takeru and Koyama, Masanori",
        "Optuna: A Next-Generation Hyperparameter Optimization Framework",
        "The 25th ACM SIGKDD International Conference on Knowledge Discovery & Data Mining", 2019,
        pages="2623--2631", doi="10.1145/3292500.3330701",
    ),
    "harris2020": article(
        "Harris, Charles R. and Millman, K. Jarrod and van der Walt, Stéfan J. and others",
        "Array programming with NumPy", "Nature", 2020, volume="585", pages="357--362",
        doi="10.1038/s41586-020-2649-2",
    ),
    "virtanen2020": article(
        "Virtanen, Pauli and Gommers, Ralf and Oliphant, Travis E. and others",
        "SciPy 1.0: fundamental algorithms for scientific computing in Python", "Nature Methods", 2020, volume="17",
        pages="261--272", doi="10.1038/s41592-019-0686-2",
    ),
    "vanderwalt2014": article(
        "van der Walt, Stéfan and Schönberger, Johannes L. and Nunez-Iglesias, Juan and Boulogne, François and "
        "Warner, Joshua D. and Yager, Neil and Gouillart, Emmanuelle and Yu, Tony and others",
        "scikit-image: Image processing in Python", "PeerJ", 2014, volume="2", pages="e453", doi="10.7717/peerj.453",
    ),
    # Reporting, and publications that results are set beside
    "tejani2024": article(
        "Tejani, Ali S. and Klontzas, Michail E. and Gatti, Anthony A. and Mongan, John T. and Moy, Linda and "
        "Park, Seong Ho and Kahn, Jr., Charles E.",
        "Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 Update",
        "Radiology: Artificial Intelligence", 2024, volume="6", number="4", pages="e240300",
        doi="10.1148/ryai.240300",
    ),
    "li2025": article(
        "Li, Chengyin and Sultan, Rafi Ibn and Bagher-Ebadian, Hassan and Qiang, Yao and Thind, Kundan and "
        "Zhu, Dongxiao and Chetty, Indrin J.",
        "Enhancing CT image segmentation accuracy through ensemble loss function optimization",
        "Medical Physics", 2025, volume="52", number="7", doi="10.1002/mp.17848",
    ),
    "jin2025": article(
        "Jin, Zhongmin and others",
        "A 3D multi-task network for the automatic segmentation of CT images featuring hip osteoarthritis",
        "Biomedical Physics & Engineering Express", 2025, doi="10.1088/2057-1976/ae0593",
    ),
}  # fmt: skip

#: Package -> its publication.
SOFTWARE: dict[str, str] = {
    "torch": "paszke2019", "segmentation-models-pytorch": "iakubovskii2019", "timm": "wightman2019",
    "numpy": "harris2020", "scipy": "virtanen2020", "scikit-image": "vanderwalt2014", "snakemake": "molder2021",
    "optuna": "akiba2019", "monai": "cardoso2022",
}  # fmt: skip


def short_name(key: str) -> str:
    """``Wang et al. 2026``, ``Loshchilov & Hutter 2019``."""
    reference = REFERENCES[key]
    families = [author.partition(",")[0] for author in reference.author.split(" and ")]
    several = f"{families[0]} et al." if len(families) > 2 or families[-1] == "others" else " & ".join(families)
    return " ".join(filter(None, (several, reference.fields.get("year"))))
